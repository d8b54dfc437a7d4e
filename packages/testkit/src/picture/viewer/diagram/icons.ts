/**
 * Shapes of the diagram, as SVG paths of about 10 by 10 pixels around their middle.
 */

/** Icons of events, by state or kind. */
export const icons: { readonly [name: string]: string } = {
  // States of nodes.
  starting: "M0-3.4A3.4 3.4 0 1 1 0 3.4A3.4 3.4 0 1 1 0-3.4Z",
  running: "M-2.4-3.6L3.8 0L-2.4 3.6Z",
  crashed: "M-3-3L3 3M3-3L-3 3",
  stopping: "M-2.8-2.8H2.8V2.8H-2.8Z",
  stopped: "M-2.8-2.8H2.8V2.8H-2.8Z",
  died: "M-3-3L3 3M3-3L-3 3",
  paused: "M-2-3.2V3.2M2-3.2V3.2",
  resumed: "M-2.4-3.6L3.8 0L-2.4 3.6Z",
  slow: "M-4 1.2C-2.6-2.6-1.2-2.6 0 0S2.6 2.6 4-1.2",
  clock: "M0-3.6V0L2.6 1.8",
  // States of connections.
  dialed: "M-3-3.4L3.4 0L-3 3.4Z",
  accepted: "M-3-3.4L3.4 0L-3 3.4Z",
  end: "M-3.6 0H3.6M0-3.6V3.6",
  reset: "M-2.6-2.6L2.6 2.6M2.6-2.6L-2.6 2.6",
  refused: "M0-3.4A3.4 3.4 0 1 1 0 3.4A3.4 3.4 0 1 1 0-3.4ZM-2.4 2.4L2.4-2.4",
  vanished: "M0-3.4A3.4 3.4 0 1 1 0 3.4A3.4 3.4 0 1 1 0-3.4Z",
  // Kinds of notes.
  log: "M-3.4-2H3.4M-3.4 1.6H1.6",
  note: "M-3 4.4V-4H3.6L1.8-1.4L3.6 1.2H-3",
  mark: "M0-4.2L4.2 0L0 4.2L-4.2 0Z",
  history: "M-1.4-3.6H-3.4V3.6H-1.4M1.4-3.6H3.4V3.6H1.4",
  healed: "M-3.8 0.2L-1 3L3.8-2.8",
  // Faults, failures and outcomes of messages.
  began: "M1.2-4.8L-3 0.8H-0.2L-1.2 4.8L3-0.8H0.2Z",
  over: "M1.2-4.8L-3 0.8H-0.2L-1.2 4.8L3-0.8H0.2Z",
  failed: "M0-3.8V0.8M0 3.2V3.4",
  cross: "M-4.4-4.4L4.4 4.4M4.4-4.4L-4.4 4.4",
  again: "M3.4-0.9A3.5 3.5 0 1 0 3 1.9M3.7-3.7V-0.7H0.8",
}

const tails = [
  "M0-3A3 3 0 1 1 0 3A3 3 0 1 1 0-3Z",
  "M-2.8-2.8H2.8V2.8H-2.8Z",
  "M0-3.9L3.9 0L0 3.9L-3.9 0Z",
  "M0-3.6L3.6 2.7H-3.6Z",
  "M0 3.6L3.6-2.7H-3.6Z",
  "M-1.3-3.6H1.3V-1.3H3.6V1.3H1.3V3.6H-1.3V1.3H-3.6V-1.3H-1.3Z",
  "M-3.4-1.7H3.4V1.7H-3.4Z",
  "M-1.7-3.4H1.7V3.4H-1.7Z",
]

/** Returns the shape at the beginning of an arrow. It distinguishes kinds of messages in addition to the colour. */
export const tailOf = (slot: number): string => tails[slot % tails.length] ?? ""

/** Head of an arrow that points to the right. */
export const arrowhead = "M0.5 0L-9.5-4.1L-7.4 0L-9.5 4.1Z"

/** Number of colours in `style.ts`. Later kinds repeat them with dashed lines. */
const colours = 8

/** Returns the class that colours a kind of messages. Undecoded bytes are grey. */
export const colourClassOf = (kind: string, slot: number): string =>
  kind === "" ? "bytes" : `k${slot % colours}${slot >= colours ? " more" : ""}`
