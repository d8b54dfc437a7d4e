/** Makes the report of a node from its inspection. */
import type {
  AddressInspection,
  DialInspection,
  Inspection,
  LinkInspection,
  PeerInspection,
} from "@coterie/core/Inspection"
import type { NodeReport, PeerReport } from "../../Report.ts"
import { schemaVersion } from "../../Report.ts"
import { version } from "../version.ts"

type LinkReport = NonNullable<PeerReport["connection"]>
type DialReport = NonNullable<PeerReport["dial"]>
type StatusReport = NodeReport["status"]

/** Returns a hash in hex with 16 digits. */
export const hex = (hash: bigint): string => hash.toString(16).padStart(16, "0")

/**
 * Tests whether the node has lost all its members. `isolated` of the view ends when the members have failed, and the status
 * stays.
 */
export const isIsolated = ({ isolated, status }: Inspection): boolean =>
  isolated || (status._tag === "Alone" && status.reason === "isolated")

export const statusReport = (status: Inspection["status"]): StatusReport => {
  switch (status._tag) {
    case "Starting":
      return { phase: "starting", reason: status.reason }
    case "Alone":
      return { phase: "alone", reason: status.reason, message: status.message }
    case "Member":
      return { phase: "member" }
    case "Leaving":
    case "Stopped": {
      const phase = status._tag === "Leaving" ? "leaving" : "stopped"
      return status.error === undefined
        ? { phase }
        : { phase, reason: status.error.reason._tag, message: status.error.message }
    }
  }
}

const dialReport = ({ address, agoMillis, attempts, message, reason }: DialInspection): DialReport => ({
  address,
  reason,
  message,
  agoMillis,
  attempts,
})

const linkReport = (link: LinkInspection): LinkReport => ({
  dialedBy: link.dialedBy,
  remoteHost: link.remoteHost,
  ...(link.observedHost === undefined ? {} : { observedHost: link.observedHost }),
  ...(link.identity === undefined ? {} : { identity: { ...link.identity } }),
  openForMillis: link.openForMillis,
  session: link.session,
  heardAgoMillis: link.heardAgoMillis,
  heartbeatMillis: link.heartbeatMillis,
  ...(link.roundTrip === undefined ? {} : { roundTrip: link.roundTrip }),
  ...(link.peerLagMillis === undefined ? {} : { peerLagMillis: link.peerLagMillis }),
  peerViewHash: hex(link.peerViewHash),
  bytesIn: link.bytesIn,
  bytesOut: link.bytesOut,
  queues: link.queues,
})

export const peerReport = (peer: PeerInspection): PeerReport => ({
  name: peer.name,
  generation: peer.generation,
  incarnation: peer.incarnation,
  addresses: peer.addresses,
  metadata: peer.metadata,
  status: peer.status,
  link: peer.link,
  ...(peer.through === undefined ? {} : { through: peer.through }),
  ...(peer.suspicion === undefined ? {} : { suspicion: peer.suspicion }),
  ...(peer.failedForMillis === undefined ? {} : { failedForMillis: peer.failedForMillis }),
  ...(peer.dial === undefined ? {} : { dial: dialReport(peer.dial) }),
  ...(peer.connection === undefined ? {} : { connection: linkReport(peer.connection) }),
})

const addressReport = (each: AddressInspection): NodeReport["addressesDialed"][number] => ({
  address: each.address,
  source: each.source,
  state: each.state,
  ...(each.peer === undefined ? {} : { peer: each.peer }),
  ...(each.checkedAgoMillis === undefined ? {} : { checkedAgoMillis: each.checkedAgoMillis }),
  ...(each.dial === undefined ? {} : { dial: dialReport(each.dial) }),
})

export const nodeReport = (inspection: Inspection): NodeReport => {
  const { self, partition } = inspection
  return {
    schema: schemaVersion,
    version,
    cluster: self.cluster,
    name: self.name,
    generation: self.generation,
    incarnation: self.incarnation,
    addresses: self.addresses,
    metadata: self.metadata,
    observedHosts: self.observedHosts,
    protocol: self.protocol,
    features: self.features,
    status: statusReport(inspection.status),
    startedAt: inspection.startedAt,
    uptimeMillis: inspection.uptimeMillis,
    wallTime: inspection.wallTime,
    everLinked: inspection.everLinked,
    isolated: inspection.isolated,
    ...(partition === undefined ? {} : { partition }),
    viewHash: hex(inspection.viewHash),
    viewVersion: inspection.viewVersion,
    localHealth: inspection.localHealth,
    lagMillis: inspection.lagMillis,
    failureDetector: inspection.failureDetector,
    queues: inspection.queues,
    peers: inspection.peers.map(peerReport),
    addressesDialed: inspection.addresses.map(addressReport),
  }
}
