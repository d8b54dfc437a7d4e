/** Outcomes of requests, as values of the label `outcome` (docs/metrics.md). */
import type { SendErrorReason } from "@coterie/core/ClusterError"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import { causeOf, type RequestLostReason } from "../RequestLost.ts"

/**
 * Outcome of a request that has an exit. A serialization such as SchemaBinary encodes the exit as bytes, which only
 * Effect's client can decode. The outcome of such an exit is `answered`.
 */
export type ExitOutcome = "success" | "failure" | "defect" | "interrupted" | "answered"

/** Outcome of a request, at the node that makes it or at the node that serves it. */
export type RequestOutcome =
  | ExitOutcome
  | SendErrorReason["_tag"]
  | RequestLostReason["_tag"]
  /** The peer sent a response that cannot be used. */
  | "malformed"
  /** The server stopped. */
  | "stopped"

const hasTag = (value: unknown, tag: string): boolean =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === tag

/** Returns the outcome of an encoded exit. The exit may come from a peer, so it may have any form. */
export const outcomeOfExit = (exit: unknown): ExitOutcome => {
  if (typeof exit !== "object" || exit === null || !("_tag" in exit)) return "answered"
  if (exit._tag === "Success") return "success"
  const causes: ReadonlyArray<unknown> = "cause" in exit && Array.isArray(exit.cause) ? exit.cause : []
  if (causes.some((cause) => hasTag(cause, "Fail"))) return "failure"
  return causes.some((cause) => hasTag(cause, "Die")) ? "defect" : "interrupted"
}

/** Returns the outcome of a request that failed with this error. */
export const outcomeOfError = (error: RpcClientError): RequestOutcome => causeOf(error)?.reason._tag ?? "malformed"
