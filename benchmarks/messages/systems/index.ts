/** Compared systems, in the order of their measurement. */
import type { Driver, Mode, Setup } from "./Driver.ts"

export interface System {
  readonly load: () => Promise<{ readonly make: (setup: Setup) => Driver }>
  /** Modes that differ for the system. */
  readonly modes: ReadonlyArray<Mode>
  readonly broadcasts?: boolean
  /** Resource that a node needs. */
  readonly needs?: "nats-server"
  /** Way to make a receiver stop reading. */
  readonly stopped: "SIGSTOP" | "pause" | "not measured"
}

/** System to which the others are compared. */
export const limit = "raw"

export const systems: { readonly [name: string]: System } = {
  raw: { load: () => import("./raw.ts"), modes: ["batch", "message"], broadcasts: true, stopped: "SIGSTOP" },
  "raw-secret": { load: () => import("./rawSecret.ts"), modes: ["batch"], stopped: "not measured" },
  "raw-tls": { load: () => import("./rawTls.ts"), modes: ["batch"], stopped: "not measured" },
  // Coterie ends the link to a stopped process, and keeps the link to a process whose reader does not read.
  coterie: { load: () => import("./coterie.ts"), modes: ["batch", "message"], broadcasts: true, stopped: "pause" },
  "coterie-secret": {
    load: () => import("./coterieSecret.ts"),
    modes: ["batch", "message"],
    stopped: "not measured",
  },
  "coterie-tls": { load: () => import("./coterieTls.ts"), modes: ["batch", "message"], stopped: "not measured" },
  zeromq: { load: () => import("./zeromq.ts"), modes: ["message"], broadcasts: true, stopped: "SIGSTOP" },
  ws: { load: () => import("./ws.ts"), modes: ["message"], broadcasts: true, stopped: "SIGSTOP" },
  libp2p: { load: () => import("./libp2p.ts"), modes: ["batch", "message"], stopped: "SIGSTOP" },
  moleculer: { load: () => import("./moleculer.ts"), modes: ["message"], stopped: "SIGSTOP" },
  nats: { load: () => import("./nats.ts"), modes: ["message"], needs: "nats-server", stopped: "SIGSTOP" },
}
