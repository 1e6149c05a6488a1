"""How the page looks."""

CSS = """
:root { --ink: #1d2433; --soft: #667085; --rule: #e3e7ee; --blue: #2f5fb3; --paper: #fff;
  --ground: #f4f6f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 60px; }
header { margin-bottom: 24px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 12px; }
.soft, .note { color: var(--soft); }
.note { font-size: 13px; max-width: 84ch; }
section { background: var(--paper); border: 1px solid var(--rule); border-radius: 10px; padding: 20px 22px;
  margin-bottom: 18px; }
.chips { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
.chip { background: var(--paper); border: 1px solid var(--rule); border-radius: 99px; padding: 2px 12px;
  font-size: 13px; overflow-wrap: anywhere; }
.chip b { font-weight: 600; }
.chip.bad { color: #a03324; border-color: #ecc6bf; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; vertical-align: bottom;
  border-bottom: 1px solid var(--rule); padding: 6px 10px 6px 0; }
td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
.num { text-align: right; white-space: nowrap; }
td.mean { font-weight: 650; }
tr.ours td { background: #eef3fc; font-weight: 600; }
tr.ours td:first-child, td.first { padding-left: 8px; }
code { font: 13px ui-monospace, "SFMono-Regular", Menlo, "DejaVu Sans Mono", monospace; }
.warn { display: inline-block; background: #fdf3dc; color: #7a5300; border-radius: 6px; padding: 1px 9px;
  font-size: 12.5px; margin-left: 6px; font-weight: 500; vertical-align: 2px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 10px 18px; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 10px; fill: var(--soft); }
svg text.name { font-size: 11px; fill: var(--ink); font-weight: 600; }
.axis { fill: none; stroke: #c5ccd8; stroke-width: 1; }
.line { fill: none; stroke-width: 1.3; stroke-linejoin: round; }
.dot { fill: var(--blue); fill-opacity: 0.55; }
path.mean { stroke: #c2571a; stroke-width: 1.4; fill: none; }
.case { border-top: 1px solid var(--rule); padding: 14px 0 12px; }
.cases.still { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 0 24px; }
.head { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; margin-bottom: 8px; }
.tag { font-size: 12px; font-weight: 650; border-radius: 6px; padding: 1px 8px; color: #fff; }
.tag.worst { background: #b4412f; } .tag.best { background: #2f7d4f; } .tag.only { background: var(--soft); }
.values { color: var(--soft); font-size: 13px; }
.strip { display: flex; gap: 10px; align-items: flex-start; margin-bottom: 8px; }
.strip img { max-width: 100%; border-radius: 6px; display: block; }
.keys { font-size: 12px; color: var(--soft); margin-bottom: 6px; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 10px; }
.sheet figure { margin: 0; } .sheet img { width: 100%; border-radius: 6px; display: block; }
figcaption { font-size: 11.5px; color: var(--soft); overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 8px 0 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""
