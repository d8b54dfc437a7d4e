/** The systems that are compared, in the order in which they are measured. */
import type { Driver, Mode, Setup } from "./Driver.ts"

export interface System {
  readonly load: () => Promise<{ readonly make: (setup: Setup) => Driver }>
  /** The modes that differ for it. */
  readonly modes: ReadonlyArray<Mode>
  readonly broadcasts?: boolean
  /** What must be there before a node can start. */
  readonly needs?: "certificate" | "nats-server"
  /** How its receiver is made to stop reading. */
  readonly stopped: "SIGSTOP" | "pause" | "not measured"
}

/** What the others are measured against. */
export const limit = "raw"

export const systems: { readonly [name: string]: System } = {
  raw: { load: () => import("./raw.ts"), modes: ["batch", "message"], broadcasts: true, stopped: "SIGSTOP" },
  "raw-tls": { load: () => import("./rawTls.ts"), modes: ["batch"], needs: "certificate", stopped: "not measured" },
  // It takes a process that stands still for dead, and ends the link; a reader that does not read it bears.
  coterie: { load: () => import("./coterie.ts"), modes: ["batch", "message"], broadcasts: true, stopped: "pause" },
  "coterie-tls": {
    load: () => import("./coterieTls.ts"),
    modes: ["batch", "message"],
    needs: "certificate",
    stopped: "not measured",
  },
  zeromq: { load: () => import("./zeromq.ts"), modes: ["message"], broadcasts: true, stopped: "SIGSTOP" },
  ws: { load: () => import("./ws.ts"), modes: ["message"], broadcasts: true, stopped: "SIGSTOP" },
  libp2p: { load: () => import("./libp2p.ts"), modes: ["batch", "message"], stopped: "SIGSTOP" },
  moleculer: { load: () => import("./moleculer.ts"), modes: ["message"], stopped: "SIGSTOP" },
  nats: { load: () => import("./nats.ts"), modes: ["message"], needs: "nats-server", stopped: "SIGSTOP" },
}
