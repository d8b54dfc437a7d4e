/** Style sheet of the page, for light and dark colour schemes. */
export const style = /* css */ `
:root {
  --paper: #ffffff; --wash: #f6f7f9; --edge: #dfe3e8; --ink: #1b1f24; --quiet: #5d6672; --faint: #9aa3ad;
  --lane: #a9b2bc; --gone: #c9ced4; --bad: #c2183c; --bad-wash: #fdf0f2; --focus: #1a5fd0;
  --cut0: #f3c14e2e; --cut1: #6f9fd816; --wall: #8a6a12; --slow: #b48a2c;
  --k0: #4173c9; --k1: #d0694a; --k2: #125f5c; --k3: #5b2a86; --k4: #936903; --k5: #169cc7; --k6: #7a1240; --k7: #4c5a05;
  --bytes: #79828c;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", "DejaVu Sans", sans-serif;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161b; --wash: #181d23; --edge: #2a313a; --ink: #e4e8ec; --quiet: #9ba5b1; --faint: #66707c;
    --lane: #56616d; --gone: #39414b; --bad: #ff6b81; --bad-wash: #2b171c; --focus: #78aaff;
    --cut0: #e0a93428; --cut1: #5a92d814; --wall: #d9b04a; --slow: #d9b04a;
    --k0: #6ba6e5; --k1: #f6a358; --k2: #8ffce5; --k3: #9060e6; --k4: #fbf257; --k5: #9acde1; --k6: #cb4496; --k7: #1c9328;
    --bytes: #8b95a0;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--paper); color: var(--ink); font: 13px/1.45 var(--sans); }
h1, h2, p, ol, ul, dl, dd, pre { margin: 0; padding: 0; }
h1 { font-size: 15px; font-weight: 600; letter-spacing: -0.01em; }
h2 { font-size: 11px; font-weight: 600; color: var(--quiet); margin-bottom: 5px; }
button { font: inherit; color: inherit; cursor: pointer; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
.quiet, .meta { color: var(--quiet); }
.plain { background: var(--paper); border: 1px solid var(--edge); border-radius: 5px; padding: 1px 9px; font-size: 12px; white-space: nowrap; }
.plain:hover { border-color: var(--faint); }

#banner { flex: none; border-bottom: 1px solid var(--edge); }
.title { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 14px; padding: 9px 16px; }
.title h1 { overflow-wrap: anywhere; }
.meta { font-size: 12px; font-variant-numeric: tabular-nums; }
.report { display: flex; gap: 8px 28px; padding: 9px 16px 10px; background: var(--wash); border-top: 1px solid var(--edge); }
.report.bad { background: var(--bad-wash); box-shadow: inset 4px 0 var(--bad); }
.what { flex: 1 1 58%; min-width: 0; }
.story { flex: 1 1 42%; min-width: 0; max-height: 122px; overflow: auto; }
.story ol { padding-left: 18px; font-size: 12.5px; overflow-wrap: anywhere; }
.story li::marker { color: var(--quiet); font-variant-numeric: tabular-nums; }
.failure { font-size: 14px; font-weight: 550; overflow-wrap: anywhere; max-height: 84px; overflow: auto; }
.flag { display: inline-block; background: var(--bad); color: var(--paper); font-size: 11px; font-weight: 650; border-radius: 4px; padding: 0 6px; margin-right: 9px; vertical-align: 1px; }
.more { font: 11.5px/1.4 var(--mono); color: var(--quiet); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 66px; overflow: auto; margin-top: 3px; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; margin-top: 7px; }
.replay { display: flex; align-items: center; gap: 8px; min-width: 0; font-size: 12px; }
.replay code { font: 12px var(--mono); background: var(--paper); border: 1px solid var(--edge); border-radius: 5px; padding: 2px 8px; overflow-wrap: anywhere; min-width: 0; }

main { flex: 1; min-height: 0; display: flex; }
#stage { position: relative; flex: 1; min-width: 0; overflow: hidden; touch-action: none; user-select: none; cursor: default; }
#stage.dragging { cursor: grabbing; }
#plot { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
#zoom { position: absolute; right: 10px; bottom: 10px; display: flex; border: 1px solid var(--edge); border-radius: 6px; overflow: hidden; background: var(--paper); }
#zoom button { border: 0; background: none; min-width: 27px; height: 24px; padding: 0 8px; font-size: 12px; color: var(--quiet); }
#zoom button + button { border-left: 1px solid var(--edge); }
#zoom button:hover { color: var(--ink); background: var(--wash); }
#zoom button:focus-visible { outline-offset: -2px; }
#sides button { position: absolute; top: 5px; height: 24px; border: 1px solid var(--edge); border-radius: 5px; background: var(--paper); color: var(--quiet); font-size: 12px; padding: 0 8px; }
#sides button:hover { color: var(--ink); }
#leftward { left: 96px; } #rightward { right: 8px; }
#many { position: absolute; left: 50%; bottom: 12px; transform: translateX(-50%); background: var(--paper); border: 1px solid var(--edge); border-radius: 6px; padding: 2px 12px; font-size: 12px; color: var(--quiet); pointer-events: none; }
#map { flex: none; width: 48px; border-left: 1px solid var(--edge); background: var(--wash); touch-action: none; cursor: pointer; }
#map:focus-visible { outline-offset: -2px; }
#strip { display: block; width: 48px; height: 100%; pointer-events: none; }
aside { flex: none; width: 288px; border-left: 1px solid var(--edge); overflow: auto; padding: 12px 14px 18px; font-size: 12px; scrollbar-width: thin; }
#status { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#selection:not(:empty), #landmarks:not(:empty) { margin-bottom: 14px; }
#legend h2:not(:first-child) { margin-top: 14px; }

.toggles { display: flex; flex-direction: column; margin: 0 -6px; }
.toggle { display: flex; align-items: center; gap: 8px; border: 0; background: none; border-radius: 5px; padding: 2px 6px; text-align: left; font-size: 12px; }
.toggle:hover { background: var(--wash); }
.toggle .name { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.toggle .number { color: var(--quiet); font-variant-numeric: tabular-nums; }
.toggle[aria-pressed="false"] { color: var(--faint); }
.toggle[aria-pressed="false"] .name { text-decoration: line-through; }
.toggle > svg { flex: none; width: 20px; height: 16px; margin: 0 4px; }
.toggle[aria-pressed="false"] svg { opacity: 0.3; }
.swatch { flex: none; display: inline-flex; }
.swatch svg { width: 28px; height: 12px; }
.swatch-line { stroke: currentColor; stroke-width: 1.7; fill: none; }
.swatch.more .swatch-line { stroke-dasharray: 5 2.5; }
.swatch-head, .swatch-tail { fill: currentColor; }
ul.keys { list-style: none; display: grid; grid-template-columns: 1fr 1fr; gap: 4px 8px; color: var(--quiet); }
.key { display: flex; align-items: center; gap: 7px; }
.key svg { flex: none; width: 20px; height: 16px; overflow: hidden; }
dl.keys { display: grid; grid-template-columns: auto 1fr; gap: 3px 10px; color: var(--quiet); }
kbd { font: 11px var(--mono); color: var(--ink); border: 1px solid var(--edge); border-radius: 4px; padding: 0 5px; background: var(--wash); white-space: nowrap; }
#selection h2 { display: flex; justify-content: space-between; align-items: center; }
.about { margin-bottom: 8px; }
.causes, .landmarks { list-style: none; margin: 4px -6px 0; max-height: 250px; overflow: auto; scrollbar-width: thin; }
.cause, .landmark { display: flex; gap: 8px; width: 100%; border: 0; background: none; border-radius: 5px; padding: 1px 6px; text-align: left; font-size: 11.5px; overflow-wrap: anywhere; }
.cause:hover, .landmark:hover { background: var(--wash); }
.when { flex: none; color: var(--quiet); font-variant-numeric: tabular-nums; }

.heading { font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 0 10px; font-size: 12px; margin-top: 2px; }
.facts dt { color: var(--quiet); }
.facts dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.decoded { margin-top: 6px; }
.decoded .kind { display: flex; align-items: center; gap: 6px; font-weight: 600; overflow-wrap: anywhere; }
.decoded pre { font: 11.5px/1.4 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 1px; max-height: 260px; overflow: auto; }
#tip { position: fixed; z-index: 2; max-width: 380px; max-height: calc(100vh - 16px); overflow: hidden; background: var(--paper); border: 1px solid var(--edge); border-radius: 7px; box-shadow: 0 6px 24px #0003; padding: 8px 12px 9px; font-size: 12px; pointer-events: none; }

.k0 { color: var(--k0); } .k1 { color: var(--k1); } .k2 { color: var(--k2); } .k3 { color: var(--k3); }
.k4 { color: var(--k4); } .k5 { color: var(--k5); } .k6 { color: var(--k6); } .k7 { color: var(--k7); }
.bytes { color: var(--bytes); }

svg text { font: 10.5px var(--mono); fill: var(--ink); }
.labels, .shades, .lanes, .folds, .walls, .reaches, .lines, .marks, .head { pointer-events: none; }
.labels text { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.paper { fill: var(--paper); }
.rule { stroke: var(--edge); fill: none; }
.head .lane { font: 600 12.5px var(--sans); }
.head .unit { font: 11px var(--sans); fill: var(--faint); }
.tick { stroke: var(--edge); stroke-width: 1; opacity: 0.6; }
.labels .time { font: 11px var(--mono); }
.time .coarse { fill: var(--quiet); } .time .fine { fill: var(--faint); }
.labels .fold-text { font: 11px var(--sans); fill: var(--quiet); }
.fold { fill: var(--paper); stroke: var(--edge); stroke-width: 1; }
.cut.side0 { fill: var(--cut0); } .cut.side1 { fill: var(--cut1); }
.wall { stroke: var(--wall); stroke-width: 1.5; stroke-dasharray: 2 3; fill: none; }
.labels .shade-text { font: 11px var(--sans); fill: var(--wall); }
.state { fill: none; stroke: var(--lane); stroke-width: 1.5; }
.state.starting, .state.stopping { stroke-dasharray: 3 3; }
.state.crashed, .state.died, .state.stopped { fill: var(--gone); stroke: none; }
.state.paused { fill: url(#hatch); stroke: var(--lane); stroke-width: 1; }
.shade.slow, .state.slow { fill: url(#dots); stroke: none; }
.hatch-line { stroke: var(--quiet); stroke-width: 2.2; fill: none; }
.dot { fill: var(--slow); }
.reach { stroke: var(--ink); stroke-width: 2; fill: none; }

.message { fill: none; stroke: currentColor; stroke-width: 1.4; }
.message.more { stroke-dasharray: 7 3; }
.message.dropped { stroke-dasharray: 3 3; opacity: 0.75; }
.message.flying { stroke-dasharray: 1 3; stroke-linecap: round; }
.message.hover { stroke-width: 2.6; }
.message.many { stroke-width: 1; }
.dial { fill: none; stroke: var(--faint); stroke-width: 1; stroke-dasharray: 1 3; stroke-linecap: round; }
.touch { fill: none; stroke: transparent; stroke-width: 11; pointer-events: stroke; cursor: pointer; }
.target { fill: transparent; cursor: pointer; outline: none; }
.target:hover { fill: color-mix(in srgb, var(--ink) 9%, transparent); }
.target:focus-visible { stroke: var(--focus); stroke-width: 2; }
.target.selected { stroke: var(--ink); stroke-width: 1.8; }
.arrowhead, .tail { fill: currentColor; stroke: var(--paper); stroke-width: 0.8; }
.open { fill: var(--paper); stroke: currentColor; stroke-width: 1.3; }
.cross { fill: none; stroke: var(--bad); stroke-width: 2; stroke-linecap: round; }
.cross.many { stroke-width: 1.2; }
.badge { fill: var(--paper); stroke: var(--quiet); stroke-width: 1.2; }
.glyph { fill: none; stroke: var(--quiet); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.badge.lost { stroke: currentColor; } .glyph.lost { stroke: currentColor; stroke-width: 1.3; }
.labels .times, .times { font: 600 10px var(--mono); fill: currentColor; }
.glyph.running, .glyph.resumed { fill: var(--quiet); }
.glyph.stopped { fill: var(--quiet); }
.badge.crashed, .badge.died { fill: var(--ink); stroke: var(--ink); } .glyph.crashed, .glyph.died { stroke: var(--paper); stroke-width: 1.9; }
.badge.fault { stroke: var(--wall); } .glyph.fault { stroke: var(--wall); stroke-width: 1.1; } .glyph.fault.began { fill: var(--wall); }
.badge.note { stroke: var(--focus); } .glyph.note { stroke: var(--focus); } .glyph.note.note { stroke-width: 1.3; }
.glyph.note.log { stroke: var(--quiet); }
.glyph.connection { stroke: var(--faint); stroke-width: 1.2; fill: var(--paper); }
.glyph.connection.accepted { fill: var(--faint); }
.glyph.connection.reset, .glyph.connection.refused { stroke: var(--bad); }
.glyph.connection.vanished { stroke-dasharray: 1.5 2; }
.badge.failed { fill: var(--bad); stroke: var(--bad); } .glyph.failed { stroke: var(--paper); stroke-width: 2.2; }
.failure-line { stroke: var(--bad); stroke-width: 1.5; fill: none; }
.label .kind { fill: currentColor; font-weight: 600; } .label .text { fill: var(--quiet); }
.labels .say { fill: var(--quiet); } .labels .say.failed { fill: var(--bad); font-weight: 600; } .labels .say.note, .labels .say.mark { fill: var(--ink); } .labels .say.fault { fill: var(--wall); }
#plot.cone :is(.lines, .marks) > :not(.in):not(.failure-line), #plot.cone .labels > :is(.label, .say):not(.in) { opacity: 0.13; }
#plot.cone .message.many:not(.in) { opacity: 0.05; }
#plot.cone .lanes > .state { opacity: 0.5; }

.bars { stroke: var(--faint); stroke-width: 1.4; fill: none; } .bars.dim { opacity: 0.35; } .bars.inside { stroke: var(--ink); }
.fault.cut, .overview .fault.slow { fill: var(--wall); opacity: 0.8; }
.overview .fault { fill: var(--quiet); opacity: 0.7; }
.overview .fault.cut { fill: var(--wall); }
.window { fill: color-mix(in srgb, var(--focus) 12%, transparent); stroke: var(--focus); stroke-width: 1; }
@media (max-width: 900px) {
  main { flex-wrap: wrap; overflow: auto; }
  #stage { min-height: 60vh; }
  #map { height: 60vh; }
  aside { width: 100%; border-left: 0; border-top: 1px solid var(--edge); }
  .report { flex-direction: column; }
}
@media print { #zoom, #map { display: none; } }
`
