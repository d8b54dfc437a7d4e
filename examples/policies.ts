/**
 * Every policy, with a choice of its own. README.md shows the part between the marks.
 */
import { Admission, Cluster, FailureDetector, Gossip, Reconnect } from "@coterie/core"
import { NodeDiscovery } from "@coterie/node-transport"
import { Effect, Schedule } from "effect"

// #region policies
/** When to dial again after an attempt failed: any Schedule. */
const reconnect = Reconnect.layer(
  Reconnect.fullJitter(Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])),
)

/** How much silence ends a link, and how long a suspicion lasts: layerLan (default), layerWan, layerLocal, or your own. */
const failureDetector = FailureDetector.layer({ heartbeat: "2 seconds", linkTimeout: "6 seconds" })

/** How news spread: how long they gather, to how many they are relayed. */
const gossip = Gossip.layer({ updateDelay: "50 millis", relayFanOut: (size) => Math.ceil(Math.sqrt(size)) })

/** Where to look for peers: DNS or a file (NodeDiscovery), a list, a Stream of lists, an effect on a Schedule (Discovery). */
const discovery = NodeDiscovery.layerDns({ name: "peers.example.internal" })

/** Decides which peers are admitted, before anything about the applicant is stored. */
const admission = Admission.layer((applicant) =>
  Effect.succeed(applicant.name.startsWith("web-") ? Admission.admit : Admission.deny("web servers only")),
)

/** Still open: the transport. TCP in production, the simulated network in a test. */
export const ClusterLive = (name: string) =>
  Cluster.layer({
    cluster: "shop",
    name,
    policies: [reconnect, failureDetector, gossip, discovery, admission],
  })
// #endregion
