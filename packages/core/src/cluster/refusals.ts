/** Converts failed handshakes to the reasons of a `JoinError` and of the event `SeedUnavailable`. */
import type { Address } from "../Address.ts"
import * as ClusterError from "../ClusterError.ts"
import type { SeedUnavailable, SeedUnavailableReason } from "../ClusterEvent.ts"
import { describe, type HandshakeError, type HandshakeRejected } from "../link/Handshake.ts"
import type { RejectCode } from "../protocol/Frame.ts"

/** Reason of a refusal that a retry would not change. */
export type RefusalReason =
  | ClusterError.OwnAddress
  | ClusterError.OtherCluster
  | ClusterError.VersionMismatch
  | ClusterError.DuplicateName
  | ClusterError.Denied

/** Returns the reason of a refused handshake. A refusal that may change with time is `Denied`. */
export const refusalReason = ({ by, code, message }: HandshakeRejected): RefusalReason => {
  const refusal = { refusedBy: by === "us" ? "thisNode" : "peer", text: message } as const
  switch (code) {
    case "self":
      return new ClusterError.OwnAddress()
    case "label":
      return new ClusterError.OtherCluster(refusal)
    case "version":
      return new ClusterError.VersionMismatch(refusal)
    case "duplicate":
      return new ClusterError.DuplicateName(refusal)
    case "denied":
    case "busy":
    case "stale":
      return new ClusterError.Denied(refusal)
  }
}

const reasonOfCode: { readonly [Code in RejectCode]: SeedUnavailableReason } = {
  label: "otherCluster",
  version: "version",
  busy: "busy",
  self: "self",
  denied: "denied",
  duplicate: "duplicate",
  stale: "stale",
}

/** Returns the reason of a failed dial in one word. */
export const reasonOf = (error: HandshakeError): SeedUnavailableReason => {
  if (error._tag === "HandshakeRejected") return reasonOfCode[error.code]
  switch (error.reason) {
    case "refused":
    case "unreachable":
    case "unauthenticated":
    case "forbidden":
    case "timeout":
    case "disconnected":
      return error.reason
    case "violation":
      return "protocol"
    case "wrongPeer":
    case "known":
      return "otherPeer"
    case "lost":
    case "closed":
    case "displaced":
    case "listen":
      return "lost"
  }
}

/** Returns the event for an address that could not be dialed. */
export const seedUnavailable = (address: Address, error: HandshakeError): SeedUnavailable => ({
  _tag: "SeedUnavailable",
  address,
  reason: reasonOf(error),
  message: describe(error),
})
