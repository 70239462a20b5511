"""How the report looks: light and dark, wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6470; --line: #d8dde3; --paper: #fff; --mark: #1f6feb;
  --fine: #1a7f37; --fault: #b35900; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa4b0; --line: #333a43; --paper: #14171b; --mark: #6ea8fe;
    --fine: #3fb950; --fault: #f0883e; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
.note { color: var(--soft); font-size: .875rem; margin: .25rem 0; overflow-wrap: anywhere; }
.verdict { padding: .75rem 1rem; margin: 1rem 0; border: 1px solid var(--line); border-left-width: 6px;
  border-radius: 8px; }
.verdict strong { font-size: 1.25rem; }
.verdict p { margin: .25rem 0 0; overflow-wrap: anywhere; }
.fine { border-left-color: var(--fine); }
.fine strong { color: var(--fine); }
.fault { border-left-color: var(--fault); }
.fault strong { color: var(--fault); }
.findings { padding-left: 1.25rem; margin: 1rem 0; }
.findings li { margin: .25rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem .1rem; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: .8125rem; }
tbody { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; }
tbody th small { display: block; color: var(--soft); font-weight: 400; }
.protocol td { text-align: left; white-space: normal; color: var(--soft); font-size: .75rem; padding: 0 0 .4rem; }
img { image-rendering: pixelated; max-width: 100%; height: auto; }
.grid { display: block; border-radius: 4px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(17.5rem, 1fr)); gap: .75rem 1.5rem; }
.pictures.pairs { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
.near { display: grid; grid-template-columns: repeat(4, 1fr); gap: .25rem; }
.pairs .near { grid-template-columns: 1fr 1fr; }
.near > div:first-child { outline: 2px solid var(--mark); }
.near img { width: 100%; display: block; }
.texts .near, .texts.pairs .near { margin-bottom: 1rem; grid-template-columns: 1fr; }
.texts .near > div:first-child { outline: 0; border-left: 2px solid var(--mark); padding-left: .5rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .8125rem/1.45 ui-monospace, monospace; margin: 0 0 .75rem;
  padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 6px; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .75rem; }
.mistakes img { width: 100%; display: block; }
.mistakes.lines { grid-template-columns: 1fr; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(17.5rem, 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { font-size: .8125rem; color: var(--soft); }
svg { width: 100%; height: auto; display: block; }
svg text { font: 10px system-ui, sans-serif; fill: var(--soft); }
.axis { stroke: var(--line); fill: none; }
.roll { max-width: 40rem; background: transparent; margin-top: .75rem; }
polyline { stroke: var(--mark); fill: none; stroke-width: 1.5; stroke-linejoin: round; }
@media (max-width: 40rem) {
  thead { display: none; }
  table, tbody, tr, .protocol td { display: block; }
  tbody { padding: .4rem 0; }
  tr:not(.protocol) { display: grid; grid-template-columns: repeat(3, 1fr); gap: .1rem .5rem; }
  tbody th { grid-column: 1 / -1; padding: 0; }
  td { text-align: left; padding: 0; white-space: normal; }
  td::before { content: attr(data-name); display: block; color: var(--soft); font-size: .75rem; }
  td:empty { display: none; }
  .protocol td { padding: .2rem 0; }
}
"""
