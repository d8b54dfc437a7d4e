/** Compared systems, in the order of their measurement. */
import type { MakeDriver } from "./Driver.ts"

export interface System {
  readonly load: () => Promise<MakeDriver>
  /** System to which this system is compared. Absent for bare sockets. */
  readonly limit?: string
}

const raw = async (kind: "tcp" | "secret" | "certificates"): Promise<MakeDriver> => {
  const [Raw, Sockets] = await Promise.all([import("./raw.ts"), import("../../harness/sockets.ts")])
  return (proofs) => Raw.make(Sockets[kind](proofs))
}

const coterie = async (kind: "tcp" | "secret" | "certificates"): Promise<MakeDriver> => {
  const [Coterie, Transports] = await Promise.all([import("./coterie.ts"), import("../../harness/transports.ts")])
  return (proofs) => Coterie.make(Transports[kind](proofs))
}

export const systems: { readonly [name: string]: System } = {
  raw: { load: () => raw("tcp") },
  "raw-secret": { load: () => raw("secret") },
  "raw-tls": { load: () => raw("certificates") },
  coterie: { load: () => coterie("tcp"), limit: "raw" },
  "coterie-secret": { load: () => coterie("secret"), limit: "raw-secret" },
  "coterie-tls": { load: () => coterie("certificates"), limit: "raw-tls" },
}
