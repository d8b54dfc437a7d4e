/** Inspections of imagined nodes, for pure tests. */
import * as Address from "@coterie/core/Address"
import type {
  AddressInspection,
  DialInspection,
  Inspection,
  LinkInspection,
  PeerInspection,
} from "@coterie/core/Inspection"
import * as Result from "effect/Result"

/** Makes an inspection of a node that has had a link. */
export const inspection = (change: Partial<Inspection> = {}): Inspection => ({
  self: {
    cluster: "shop",
    name: "a",
    generation: 7,
    addresses: [],
    metadata: {},
    observedHosts: [],
    incarnation: 0,
    protocol: { min: 1, max: 1 },
    features: [],
  },
  status: { _tag: "Member", peers: 1 },
  startedAt: 1_000,
  uptimeMillis: 60_000,
  wallTime: 61_000,
  everLinked: true,
  isolated: false,
  partition: undefined,
  viewHash: 255n,
  viewVersion: 1,
  localHealth: 0,
  lagMillis: 0,
  failureDetector: {
    heartbeatMillis: 1_000,
    idleHeartbeatMillis: 15_000,
    watchers: 20,
    linkTimeoutMillis: 3_000,
    probeTimeoutMillis: 1_000,
    suspicionMinMillis: 2_000,
    suspicionMaxMillis: 12_000,
  },
  queues: [],
  peers: [],
  addresses: [],
  ...change,
})

/** Makes a link. */
export const link = (change: Partial<LinkInspection> = {}): LinkInspection => ({
  dialedBy: "thisNode",
  remoteHost: "10.0.0.2",
  observedHost: undefined,
  identity: undefined,
  openForMillis: 5_000,
  session: 1,
  heardAgoMillis: 12.4,
  heartbeatMillis: 1_000,
  roundTrip: undefined,
  peerLagMillis: undefined,
  peerViewHash: 255n,
  bytesIn: 10,
  bytesOut: 20,
  queues: [],
  ...change,
})

/** Makes a peer with a link. */
export const peer = (name: string, change: Partial<PeerInspection> = {}): PeerInspection => ({
  name,
  generation: 1,
  addresses: [],
  metadata: {},
  status: "alive",
  link: "up",
  incarnation: 0,
  through: undefined,
  suspicion: undefined,
  failedForMillis: undefined,
  dial: undefined,
  connection: link(),
  ...change,
})

const address = Result.getOrThrow(Address.parse("10.0.0.9:24868"))

/** Makes a failed dial. */
export const dial = (change: Partial<DialInspection> = {}): DialInspection => ({
  address,
  reason: "timeout",
  message: "no answer",
  agoMillis: 100,
  attempts: 3,
  ...change,
})

/** Makes an address that was dialed without success for the reason. */
export const failing = (reason: DialInspection["reason"]): AddressInspection => ({
  address,
  source: "seed",
  state: "failing",
  peer: undefined,
  checkedAgoMillis: 100,
  dial: dial({ reason }),
})
