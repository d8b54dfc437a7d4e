/** Code of docs/policies.md with a custom value for every policy. examples/test/policies.test.ts runs it. */
import { Admission, Cluster, Discovery, FailureDetector, Gossip, Reconnect } from "@coterie/core"
import { NodeDiscovery } from "@coterie/node-transport"
import { SchemaBinary } from "@coterie/schema-binary"
import { Effect, Schedule } from "effect"

// #region admission
/** Admits peers whose names begin with "web-". */
const admission = Admission.layer((applicant) =>
  Effect.succeed(applicant.name.startsWith("web-") ? Admission.admit : Admission.deny("web servers only")),
)
// #endregion

// #region named
/** Admits a peer if its certificate has the name that belongs to the peer. */
export const named = Admission.layerNamed((peer) => [`spiffe://example.org/shop/${peer}`])
// #endregion

// #region discovery
/** Dials the addresses of a DNS name, at the default port 24868. */
const discovery = NodeDiscovery.layerDns({ name: "peers.example.internal" })
// #endregion

// #region poll
/** Runs an effect every 10 seconds and dials the addresses that it returns. */
export const registry = <E, R>(find: Effect.Effect<ReadonlyArray<string>, E, R>) =>
  Discovery.layerPoll(find, Schedule.spaced("10 seconds"))
// #endregion

// #region failureDetector
/** Ends a link after 6 seconds of silence. A suspicion lasts from 4 to 24 seconds. */
const failureDetector = FailureDetector.layer({
  heartbeat: "2 seconds",
  linkTimeout: "6 seconds",
  suspicionMin: "4 seconds",
  suspicionMax: "24 seconds",
})
// #endregion

// #region gossip
/** Collects news for 50 milliseconds and relays them to sqrt(size) peers. */
const gossip = Gossip.layer({ updateDelay: "50 millis", relayFanOut: (size) => Math.ceil(Math.sqrt(size)) })
// #endregion

// #region reconnect
/** Dials again after 200 milliseconds, then after twice as long each time, and at least every 10 seconds. */
const reconnect = Reconnect.layer(
  Reconnect.fullJitter(Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])),
)
// #endregion

// #region serialization
/** Encodes the values of topics in the compact format of Effect's `SchemaBinary`. */
const serialization = SchemaBinary.layerSchemaBinary
// #endregion

// #region policies
/** Requires only a `Transport`: TCP in production, the simulated network in a test. */
export const ClusterLive = (name: string) =>
  Cluster.layer({
    cluster: "shop",
    name,
    policies: [admission, discovery, failureDetector, gossip, reconnect, serialization],
  })
// #endregion
