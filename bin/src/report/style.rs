//! The page's style sheet: one palette for light, one for dark, and print.

/// Set into the page's head.
pub(crate) const STYLE: &str = "
:root{--paper:#f7f6f3;--card:#fff;--ink:#1c2330;--soft:#667085;--edge:#e5e2dc;--grid:#eceae5;
--view:#2c5aa8;--whole:#a5abb6;--hard:#bf3f3a;--trigger:#b7791f;--landing:#3a8560;
--spliced:#3a9b8c;--refused:#d39a2d;--failed:#c9524c;--other:#8b93a1;
--append:#7b5bbd;--context:#1b8fa6;--waited:#d5652b;--good:#2c7a55;--bad:#b83a34}
@media (prefers-color-scheme:dark){:root{--paper:#11141a;--card:#181c24;--ink:#e6e9ef;--soft:#97a1b3;
--edge:#272d38;--grid:#232934;--view:#7aa7f0;--whole:#5c6575;--hard:#ee7d76;--trigger:#e3b055;
--landing:#6cc398;--spliced:#45b8a7;--refused:#dba83f;--failed:#e46b64;--other:#7d8696;
--append:#ab8ef0;--context:#46c1d6;--waited:#f08a4f;--good:#6cc398;--bad:#f0827b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 ui-sans-serif,system-ui,-apple-system,
'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1180px;margin:0 auto;padding:44px 28px 64px}
.eyebrow{margin:0;color:var(--soft);font-size:12px;letter-spacing:.14em;text-transform:uppercase}
h1{margin:8px 0 10px;max-width:33em;font-size:30px;line-height:1.22;font-weight:620;letter-spacing:-.015em;
text-wrap:balance}
h1.bad{color:var(--bad)}
.source{margin:0 0 26px;color:var(--soft);overflow-wrap:anywhere}
.source strong{color:var(--ink);font-weight:600;margin-right:.5em}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:0 0 18px}
.tile,figure,section{background:var(--card);border:1px solid var(--edge);border-radius:12px}
.tile{padding:14px 16px 13px}
.tile dt{color:var(--soft);font-size:12.5px}
.tile dd{margin:0;color:var(--soft);font-size:12.5px;line-height:1.4;overflow-wrap:anywhere}
.tile .value{margin:2px 0 3px;color:var(--ink);font-size:27px;line-height:1.2;font-weight:620;letter-spacing:-.02em}
.good .value{color:var(--good)}.bad .value{color:var(--bad)}.warn .value{color:var(--waited)}
figure{margin:0 0 18px;padding:18px 20px 14px}
figure svg{display:block;width:100%;height:auto;overflow:visible}
figcaption,.note{color:var(--soft);font-size:13px}
figcaption{margin-top:6px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 14px;padding:0;list-style:none;font-size:13px;
color:var(--soft)}
.legend span{display:inline-block;margin-right:7px;vertical-align:middle}
.legend .line{width:18px;border-top:2.5px solid}
.legend .box{width:14px;height:12px;border-radius:3px;opacity:.75}
.dot{display:inline-block;width:9px;height:9px;border-radius:50%}
td .dot{margin-right:7px}
span.view{color:var(--view)}span.whole{color:var(--whole)}
span.append{background:var(--append)}span.context{background:var(--context)}span.waited{background:var(--waited)}
span.spliced{background:var(--spliced)}span.refused{background:var(--refused)}
span.failed{background:var(--failed)}span.other{background:var(--other)}
svg text{fill:var(--ink);font-size:12.5px}
svg .title{font-size:14px;font-weight:620}
svg .soft,svg .tick{fill:var(--soft);font-weight:400}
svg .soft{font-size:12.5px}
svg .tick{font-size:12px}
svg .end{text-anchor:end}svg .mid,svg .number{text-anchor:middle}
svg .number{fill:#fff;font-size:10.5px;font-weight:600}
.grid{stroke:var(--grid)}
polyline{fill:none;stroke-linejoin:round}
polyline.view{stroke:var(--view);stroke-width:2}
circle.view{fill:var(--view)}
.area{fill:var(--view);opacity:.13}
polyline.whole{stroke:var(--whole);stroke-width:1.5;stroke-dasharray:1 4;stroke-linecap:round}
svg .whole-label{fill:var(--soft);font-size:12px}
.mark{stroke-width:1.25;stroke-dasharray:6 4}
.mark.hard{stroke:var(--hard)}.mark.trigger{stroke:var(--trigger)}.mark.landing{stroke:var(--landing)}
svg .label{font-weight:600}
svg .label.hard{fill:var(--hard)}svg .label.trigger{fill:var(--trigger)}svg .label.landing{fill:var(--landing)}
.band{opacity:.15}.pill{opacity:.92}
rect.spliced{fill:var(--spliced)}rect.refused{fill:var(--refused)}
rect.failed{fill:var(--failed)}rect.other{fill:var(--other)}
.dots{fill:none;stroke-linecap:round}
.sparse{stroke-width:5;stroke-opacity:.85}.dense{stroke-width:3;stroke-opacity:.7}
.dots.append{stroke:var(--append)}.dots.context{stroke:var(--context)}
.stems{fill:none;stroke:var(--waited);stroke-width:3;stroke-linecap:round}
.hit{fill:transparent}.hit:hover{fill:var(--ink);fill-opacity:.07}
.grid-2{display:grid;grid-template-columns:1fr 1fr;gap:18px}
section{min-width:0;padding:18px 20px}
section.wide{grid-column:1/-1}
section.bad{border-color:var(--bad)}section.bad h2,section.bad li{color:var(--bad)}
h2{margin:0;font-size:16px;font-weight:620}
.note{margin:2px 0 10px}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:13.5px}
th{padding:5px 10px 6px 0;color:var(--soft);font-size:12px;font-weight:500;text-align:left;vertical-align:bottom}
td{padding:5px 10px 5px 0;border-top:1px solid var(--grid);vertical-align:top}
th.n,td.n{padding:5px 0 5px 10px;text-align:right}
td.n{white-space:nowrap}
td:not(:last-child):not(.n){padding-right:22px}
.facts thead{display:none}.facts tr:first-child td{border-top:0}.facts td:first-child{width:38%;color:var(--soft)}
tr>.n+:not(.n){padding-left:26px}
.facts tr>.n,.passes tr>.n:first-child,.passes tr>.n:last-child{padding:5px 10px 5px 0;text-align:left}
.passes td:nth-child(2){white-space:nowrap}
.passes tr>:last-child{padding-left:26px!important}
code{font:12.5px ui-monospace,'SF Mono',Menlo,Consolas,monospace;overflow-wrap:anywhere}
@media (max-width:980px){.tiles{grid-template-columns:repeat(3,1fr)}.grid-2{grid-template-columns:1fr}}
@media (max-width:560px){.tiles{grid-template-columns:repeat(2,1fr)}h1{font-size:24px}main{padding:24px 14px}}
@media print{:root{--paper:#fff}main{max-width:none;padding:0}*{print-color-adjust:exact;
-webkit-print-color-adjust:exact}h1{font-size:22px}.tile,figure,section,tr{break-inside:avoid}
section.wide{break-inside:auto}thead{display:table-header-group}.scroll{overflow:visible}}
";
