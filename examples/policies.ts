/**
 * Every policy, with a choice of its own. README.md shows the part between the marks.
 */
import { Admission, Cluster, Discovery, FailureDetector, Gossip, Reconnect } from "@coterie/core"
import { Effect, Layer, Schedule } from "effect"
import { resolve4 } from "node:dns/promises"

// #region policies
/** When to dial again after an attempt failed: any Schedule. */
const reconnect = Reconnect.layer(
  Reconnect.fullJitter(Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])),
)

/** How much silence ends a link, and how long a suspicion lasts: layerLan (default), layerWan, layerLocal, or your own. */
const failureDetector = FailureDetector.layer({ heartbeat: "2 seconds", linkTimeout: "6 seconds" })

/** How news spread: how long they gather, to how many they are relayed. */
const gossip = Gossip.layer({ updateDelay: "50 millis", relayFanOut: (size) => Math.ceil(Math.sqrt(size)) })

/** Where to look for peers: a list, a Stream of lists, or an effect that is run on a Schedule. */
const discovery = Discovery.layerPoll(
  Effect.tryPromise(() => resolve4("peers.example.internal")).pipe(
    Effect.map((hosts) => hosts.map((host) => `${host}:7946`)),
    Effect.orElseSucceed(() => []),
  ),
  Schedule.spaced("10 seconds"),
)

/** Who may be a peer; asked before anything about the applicant is stored. */
const admission = Admission.layer((applicant) =>
  Effect.succeed(applicant.name.startsWith("web-") ? Admission.admit : Admission.deny("web servers only")),
)

/** Still open: the transport. TCP in production, the simulated network in a test. */
export const ClusterLive = (name: string) =>
  Cluster.layer({ cluster: "shop", name }).pipe(
    Layer.provide([reconnect, failureDetector, gossip, discovery, admission]),
  )
// #endregion
