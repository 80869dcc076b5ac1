//! A view as plain data and back (an anchor's part of it). Sizes, the digest chain, open calls, shown ids and runs of
//! placeholders are made anew from what is restored.

use std::collections::BTreeMap;

use crate::anchor::{Splice, Texts, ViewAnchor};
use crate::chain::Chain;
use crate::entry::{Format, Role};
use crate::group::Group;
use crate::ids::Digest;
use crate::links::Links;
use crate::position::{LogPos, Seq, SeqSpans};
use crate::record::CallRef;
use crate::register;

use super::splicing::notes;
use super::{Standing, Told, View};

/// Why an anchor does not fit its log.
type Why = Box<str>;

impl View {
    /// The view without what is said in it.
    pub(crate) fn anchor(&self) -> ViewAnchor {
        ViewAnchor {
            frozen: self.frozen,
            instructions_end: self.instructions_end,
            summaries: self.summaries.iter().map(|(first, it)| (*first, it.at)).collect(),
            register: self.register.as_ref().map(|told| told.at),
            groups: self.groups.values().map(Group::anchor).collect(),
            boundaries: self.boundaries.clone(),
            message: self.links.message(),
            reasoning: self.links.reasoning(),
            digest: self.digest(),
            tokens: self.tokens,
        }
    }

    /// The view that an anchor describes.
    pub(crate) fn restored(
        format: Format,
        head: Seq,
        anchor: &ViewAnchor,
        texts: &Texts<'_>,
    ) -> Result<Self, Why> {
        let mut view = Self::new(format);
        view.head = head;
        (view.frozen, view.instructions_end) = (anchor.frozen, anchor.instructions_end);
        view.boundaries.clone_from(&anchor.boundaries);
        view.restore_groups(anchor, texts)?;
        let mut contents = Vec::new();
        for (first, at) in &anchor.summaries {
            contents.push(view.restore_summary(*first, *at, texts)?);
        }
        if let Some(at) = anchor.register {
            let note = register::note(texts.splice(at)?.facts).ok_or("a splice without facts")?;
            view.register = Some(Told::new(format, at, note));
        }
        view.chain = view.chained(&contents);
        view.measure_all();
        let elided = anchor.groups.iter().filter(|group| group.elided);
        let firsts: Vec<Seq> = elided.map(|group| group.members[0].seq).collect();
        if !firsts.is_empty() {
            view.elide(&[], &firsts).ok_or("an elided group is not in the view")?;
        }
        view.relink_restored(anchor)?;
        view.check(anchor)?;
        Ok(view)
    }

    fn restore_groups(&mut self, anchor: &ViewAnchor, texts: &Texts<'_>) -> Result<(), Why> {
        for group in &anchor.groups {
            let group = Group::restored(group, texts)?;
            let first = group.first();
            self.call_ids.extend(group.shown_ids().map(|(id, seq)| (id.into(), seq)));
            if group.is_pinned() {
                self.pinned.push(first);
            }
            self.groups.insert(first, group);
        }
        let firsts = anchor.groups.iter().map(|group| group.members[0].seq);
        if firsts.is_sorted_by(|one, next| one < next) {
            Ok(())
        } else {
            Err("groups not in order".into())
        }
    }

    /// Puts a summary back; what it counts as in the digest chain.
    fn restore_summary(
        &mut self,
        first: Seq,
        at: LogPos,
        texts: &Texts<'_>,
    ) -> Result<(SeqSpans, Digest), Why> {
        let Splice { pass, pieces, facts } = texts.splice(at)?;
        let index = pieces.iter().position(|piece| piece.covers.first() == first);
        let index = index.ok_or_else(|| format!("no summary from entry {first} on at {at}"))?;
        let told = register::note(facts);
        let (note, content) = notes(pass, pieces, told.as_deref()).swap_remove(index);
        let piece = &pieces[index];
        let (covers, text) = (piece.covers.clone(), &piece.summary.text);
        let standing = Standing::new(self.format, at, covers.clone(), text, note);
        if self.summaries.insert(first, standing).is_some() {
            return Err(format!("two summaries from entry {first} on").into());
        }
        Ok((covers, content))
    }

    /// The digest chain over what is in the view.
    fn chained(&self, summaries: &[(SeqSpans, Digest)]) -> Chain {
        let of_group = |group: &Group| {
            let members = group.members().iter();
            members.map(|member| (member.seq, group.content(member.seq))).collect::<Vec<_>>()
        };
        let entries: BTreeMap<Seq, Digest> = self.groups.values().flat_map(of_group).collect();
        let mut chain = Chain::default();
        for (seq, content) in &entries {
            chain.push(*seq, *content);
        }
        let summaries: Vec<_> = summaries.iter().map(|(covers, it)| (covers, *it)).collect();
        chain.splice(&summaries);
        chain
    }

    /// The open ends: every open call, and the message and the reasoning that the anchor names.
    fn relink_restored(&mut self, anchor: &ViewAnchor) -> Result<(), Why> {
        let mut open: Vec<(CallRef, Seq)> = Vec::new();
        for group in self.groups.values() {
            open.extend(group.open_calls().map(|call| (call, group.first())));
        }
        open.sort_by_key(|(call, _)| call.seq);
        let named = |first: Option<Seq>| match first {
            Some(first) => self.groups.get(&first).map(Some).ok_or("an open end of no group"),
            None => Ok(None),
        };
        let message = match named(anchor.message)? {
            Some(group) => {
                let mut spoken = group.members().iter().rev();
                let last = spoken.find(|member| member.said.role() == Role::Assistant);
                let id = last.and_then(|last| last.said.message_id());
                Some((id.ok_or("a message without an id may not go on")?.into(), group.first()))
            }
            None => None,
        };
        let reasoning = named(anchor.reasoning)?.map(Group::first);
        self.links = Links::restored(message, open, reasoning);
        Ok(())
    }

    fn check(&self, anchor: &ViewAnchor) -> Result<(), Why> {
        let last = self.chain.last().unwrap_or(Seq::ZERO);
        let marks = [anchor.frozen, anchor.instructions_end, last];
        if marks.iter().any(|mark| *mark > self.head)
            || !self.boundaries.is_sorted_by(|one, next| one < next)
            || self.boundaries.last().is_some_and(|boundary| *boundary > self.head)
        {
            return Err("a mark lies behind the last entry, or the boundaries do not rise".into());
        }
        if self.digest() != anchor.digest || self.tokens != anchor.tokens {
            return Err("the view that its records give is another".into());
        }
        Ok(())
    }
}

#[cfg(test)]
impl View {
    /// All of the view but what has no effect, rendered in both formats.
    pub(crate) fn compared(&self) -> String {
        let mut view = self.clone();
        let rendered = [Format::Anthropic, Format::OpenAiChat, self.format].map(|format| {
            view.switch(format);
            view.segments()
        });
        format!("{view:#?} {rendered:#?}")
    }
}
