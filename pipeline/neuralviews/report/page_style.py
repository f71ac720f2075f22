"""How the page of a store looks: on narrow and wide screens, light and dark, and on paper."""

__all__ = ["STYLE"]

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1d1f24; --pale: #5a606b; --line: #d5d9e0; --panel: #f4f6f9;
  --alarm: #a3190f; --link: #1a4f8b;
  --train: #3b6ea5; --val: #c98a1b; --test: #6fa8d6; --before: #8a93a3; --after: #3b6ea5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171b; --ink: #e8eaee; --pale: #a3aab6; --line: #3a404a; --panel: #1f232a;
    --alarm: #ff9c92; --link: #9cc4f2;
    --train: #6ea3dc; --val: #e0a94a; --test: #a9cdee; --before: #8a93a3; --after: #6ea3dc;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 0.5rem; padding-top: 0.5rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.25rem; }
p, ul, blockquote { max-width: 44rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; list-style: none; }
nav ul, .blocks { max-width: none; }
.note, footer, caption { color: var(--pale); font-size: 0.875rem; }
.alarm { color: var(--alarm); }
code, pre { font: 0.8125rem/1.45 ui-monospace, monospace; }
pre {
  background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 0.75rem;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.5rem 0;
}
blockquote { margin: 0.5rem 0; padding-left: 0.75rem; border-left: 3px solid var(--line); }
summary { cursor: pointer; color: var(--link); padding: 0.25rem 0; }
.scroll { overflow-x: auto; margin: 0.75rem 0; position: relative; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.25rem; }
th, td {
  text-align: left; vertical-align: middle; padding: 0.25rem 0.75rem 0.25rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: normal;
}
th { font-weight: 600; }
tbody th { white-space: nowrap; }
thead th { color: var(--pale); vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; }
td code, th code { white-space: nowrap; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.25rem 1rem; margin: 1rem 0; }
dt { color: var(--pale); }
dd { margin: 0; min-width: 0; }
.blocks { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; list-style: none; padding: 0; }
.block { max-width: 100%; }
.block h3 { margin: 0; font-size: 0.9rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 0.5rem; }
figure { margin: 0; }
.tile { width: 6.5rem; }
.tile figcaption { font-size: 0.75rem; line-height: 1.3; color: var(--pale); }
.tile img, td img { display: block; object-fit: contain; background: #ffffff; }
.tile img { width: 6.5rem; height: 6.5rem; }
td img { width: 3rem; height: 3rem; }
.pixels { image-rendering: pixelated; }
.chart {
  display: block; width: 100%; max-width: 45rem; height: auto; background: #ffffff; border-radius: 4px;
}
.plot { display: block; background: #ffffff; border-radius: 4px; }
.bar { display: block; width: 10rem; height: 0.75rem; }
.columns { display: block; width: 8rem; height: 2rem; }
.bar .back, .columns .back { fill: var(--panel); }
.train { fill: var(--train); } .val { fill: var(--val); } .test { fill: var(--test); }
.before { fill: var(--before); } .after, .columns .front { fill: var(--after); }
.key { display: inline-block; width: 0.75rem; height: 0.75rem; margin-right: 0.25rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 30rem) {
  body { padding: 0.75rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 0.5rem; }
  .tile { width: 4.75rem; }
  .tile img { width: 4.75rem; height: 4.75rem; }
  .tiles { gap: 0.375rem; }
  .bar { width: 6rem; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --ink: #000000; --pale: #444444; --line: #bbbbbb; --panel: #f4f6f9;
    --alarm: #a3190f; --link: #000000;
    --train: #3b6ea5; --val: #c98a1b; --test: #6fa8d6; --before: #8a93a3; --after: #3b6ea5;
  }
  @page { margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2, h3, caption, summary { break-after: avoid; }
  figure, .block, tr, img, svg { break-inside: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  td code, th code { white-space: normal; overflow-wrap: anywhere; }
  tbody th { white-space: normal; }
  th, td { padding-right: 0.4rem; overflow-wrap: anywhere; }
  summary { list-style: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  td code, th code { font-size: 6.5pt; }
  .tile, .tile img { width: 4.6rem; }
  .tile img { height: 4.6rem; }
  .chart { max-width: 30rem; }
  .plot { max-width: 100%; height: auto; }
  .columns { width: 5rem; }
  .bar { width: 7rem; }
}
"""
