/** Options of a gate that admits everybody, with an hour for each handshake, unless a test says more. */
import type { GateOptions } from "../../src/internal/accept/Gate.ts"
import { KnownHosts } from "../../src/internal/accept/KnownHosts.ts"
import { defaults, type ProofStrangers } from "../../src/internal/accept/strangers.ts"
import { everybody } from "../../src/internal/networks/Networks.ts"

export const gateOptions = (
  bounds: Partial<ProofStrangers> = {},
  more: Partial<Omit<GateOptions, "bounds">> = {},
): GateOptions => ({
  networks: everybody,
  known: new KnownHosts(1_024),
  handshakeMillis: 3_600_000,
  ...more,
  bounds: { ...defaults, ...bounds },
})
