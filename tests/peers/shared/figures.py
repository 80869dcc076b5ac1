"""The rows of the table: what each is computed from, how it is shown, and which way is better."""

import math
from collections.abc import Callable
from dataclasses import dataclass


# Phases that are played in every round.
IN_ROUNDS = ("steady", "leisure", "losses", "appends")

# Who waits for the disk before an append is acknowledged asks for at least one sync for each, where none are shared.
SYNCED = 1.0


@dataclass(frozen=True)
class Row:
    title: str
    phase: str
    # The figures of one run; `None` where the peer has none.
    values: Callable[[dict], tuple[float, ...] | None]
    show: Callable[[list[float]], str]
    # What is compared; nothing where no one is better.
    rank: Callable[[list[float]], float] | None = lambda figures: figures[-1]
    more: bool = False
    # What stands where the peer has no figure.
    none: str = "none"
    show_rank: Callable[[float], str] = lambda rank: brief(rank)


def brief(value: float) -> str:
    """Whole numbers as they are, small ones with one digit behind the point."""
    whole = abs(value) >= 10 or value == round(value)
    return f"{value:,.0f}" if whole else f"{value:.1f}"


def slashed(figures: list[float]) -> str:
    return " / ".join(brief(figure) for figure in figures)


def quantile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, math.ceil(share * len(sorted_values)) - 1)]


def latencies(run: dict, beside: bool) -> tuple[float, ...] | None:
    """p50, p99 and maximum of turns during which a summarizer call was under way, or of those without."""

    def overlaps(turn: list[float]) -> bool:
        return any(start < turn[1] and end > turn[0] for start, end in run["passes"])

    found = sorted(turn[1] - turn[0] for turn in run["turns"] if overlaps(turn) == beside)
    return (quantile(found, 0.5), quantile(found, 0.99), found[-1]) if found else None


def stall(run: dict) -> tuple[float]:
    return (max(end - start - model for start, end, model in run["turns"]),)


def stalled_turns(run: dict) -> tuple[float]:
    return (float(sum(1 for start, end, model in run["turns"] if end - start - model > 250)),)


def kept(run: dict, arm: str, texts: list[str]) -> tuple[float, float]:
    """How many of these are not in the store, and how many are there more than once."""
    # Some stores trim blanks at the ends.
    counts = [sum(text.strip() in stored for stored in run["stored"][arm]) for text in texts]
    return float(counts.count(0)), float(sum(count > 1 for count in counts))


def losses(work: dict, arm: str) -> Callable[[dict], tuple[float, ...] | None]:
    """Lost and duplicated beside a compaction, then the same without one."""

    def values(run: dict) -> tuple[float, ...] | None:
        if arm not in run["stored"]:
            return None
        texts = work["losses"]["appended"]
        return (*kept(run, arm, texts), *kept(run, f"control_{arm}", texts))

    return values


def show_losses(figures: list[float]) -> str:
    lost, twice, control_lost, control_twice = (round(figure) for figure in figures)
    shown = f"{lost} / {twice}"
    return shown if (control_lost, control_twice) == (0, 0) else f"{shown} (control {control_lost} / {control_twice})"


def blamed(figures: list[float]) -> float:
    return sum(figures[:2])


def forgotten(work: dict) -> Callable[[dict], tuple[float]]:
    """Entries of before the compaction that the model sees neither verbatim nor through a summary."""

    def values(run: dict) -> tuple[float]:
        view = run["view"]["same"]
        if any(work["summary"][:80] in text for text in view):
            return (0.0,)
        return (float(sum(not any(said.strip() in text for text in view) for said in work["losses"]["filled"])),)

    return values


def growth(run: dict) -> tuple[float, float]:
    return run["rss_peak"], run["rss_after"] - run["rss_before"]


def syncs_each(arm: str) -> Callable[[dict], tuple[float] | None]:
    return lambda run: (run[arm]["syncs"] / run[arm]["appends"],) if "syncs" in run[arm] else None


def waits_for_disk(run: dict) -> bool:
    """Whether an append is on the disk when it is acknowledged, by the syncs that were counted: of one writer, whose
    appends share none, or of many, where a store has other settings for them.
    """
    counted = [syncs_each(arm)(run) for arm in ("one", "many")]
    return any(each is not None and each[0] >= SYNCED for each in counted)


def one_session(work: dict) -> list[Row]:
    steady, leisure = work["steady"], work["leisure"]
    model = steady["turn_ms"]
    return [
        Row(
            f"turn of {model} ms, nothing beside it: p50 / p99 / longest, ms",
            "steady",
            lambda run: latencies(run, False),
            slashed,
            lambda figures: figures[1],
        ),
        Row(
            "the same with a compaction under way",
            "steady",
            lambda run: latencies(run, True),
            slashed,
            lambda figures: figures[1],
        ),
        Row("longest stall of a turn beyond its model, ms", "steady", stall, slashed),
        Row(f"turns of {len(steady['turns'])} that stalled for over 250 ms", "steady", stalled_turns, slashed),
        Row(f"longest stall, {leisure['think_ms']} ms between turns, ms", "leisure", stall, slashed),
        Row("longest freeze of an unrelated task, ms", "steady", lambda run: (run["freeze_ms"],), slashed),
        Row("compactions in that session", "steady", lambda run: (float(len(run["passes"])),), slashed, None),
    ]


def crowd(work: dict) -> list[Row]:
    sessions = work["crowd"]["sessions"]
    return [
        Row(f"{sessions} sessions: summarizer calls at once", "crowd", lambda run: (run["peak_calls"],), slashed),
        Row(f"{sessions} sessions: longest stall of a turn, ms", "crowd", stall, slashed),
        Row(f"{sessions} sessions: all turns done after, ms", "crowd", lambda run: (run["turns_wall_ms"],), slashed),
        Row(
            f"{sessions} sessions: last summary after, ms",
            "crowd",
            lambda run: (max(end for _, end in run["passes"]) - min(turn[0] for turn in run["turns"]),)
            if run["passes"]
            else None,
            slashed,
        ),
    ]


def counted(title: str, arm: str) -> Row:
    return Row(title, "syncs", syncs_each(arm), lambda figures: f"{figures[0]:.2f}", None, none="not counted")


def store(work: dict) -> list[Row]:
    appended, writers = len(work["losses"]["appended"]), work["appends"]["writers"]
    title = f"{appended} entries appended beside a compaction: lost / doubled"
    return [
        Row(title, "losses", losses(work, "same"), show_losses, blamed),
        Row("the same by a second handle", "losses", losses(work, "other"), show_losses, blamed),
        Row("entries of before it that no summary has and no view shows", "losses", forgotten(work), slashed),
        Row("longest wait of such an append, ms", "losses", lambda run: (run["wait_ms"]["same"],), slashed),
        Row("durable appends/s, one writer", "appends", lambda run: (run["one"],), slashed, more=True),
        Row(f"durable appends/s, {writers} writers", "appends", lambda run: (run["many"],), slashed, more=True),
        counted("syncs for each append, one writer", "one"),
        counted(f"syncs for each append, {writers} writers", "many"),
    ]


def memory(work: dict) -> list[Row]:
    sessions = work["crowd"]["sessions"]
    return [
        Row("memory, one session: peak / growth, MiB", "steady", growth, slashed, lambda figures: figures[0]),
        Row(f"memory, {sessions} sessions: peak / growth, MiB", "crowd", growth, slashed, lambda figures: figures[0]),
    ]


def rows(work: dict) -> list[Row]:
    return [*one_session(work), *crowd(work), *store(work), *memory(work)]
