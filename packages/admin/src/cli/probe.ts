/**
 * `coterie probe`: asks the process at an address who it is, without the membership. The only module that needs the optional
 * peer dependency `@coterie/node-transport`, so it is loaded on demand.
 */
import * as Address from "@coterie/core/Address"
import * as Probe from "@coterie/core/Probe"
import { Transport } from "@coterie/core/Transport"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import type * as CommandOutput from "../CommandOutput.ts"
import { type CommandError, misuse } from "./CommandError.ts"
import type { AddressProbe } from "./doctor/facts.ts"
import { type ExitCode, exits } from "./exits.ts"
import { hasProof, type ProofFlags } from "./proofFlags.ts"
import { output, type Session } from "./Session.ts"
import { list, millis, printable, unknown } from "./text.ts"

export interface Flags extends ProofFlags {
  readonly address: string
  readonly cluster: string | undefined
}

/** A transport that dials only: it never listens. */
const transportOf = (
  flags: ProofFlags,
  timeout: number,
): Effect.Effect<Layer.Layer<Transport, CommandError>, CommandError> => {
  const { authorities, certificate, key, secretFile } = flags
  const [first, ...others] = flags.trust
  const hasFiles = hasProof({ ...flags, secretFile: undefined })
  if (secretFile !== undefined && hasFiles) {
    return Effect.fail(misuse("--secret-file and --cert exclude each other: a cluster has secrets or certificates"))
  }
  const options = { connectTimeout: timeout }
  if (secretFile !== undefined) {
    const keyring = Keyring.layerFile({ path: secretFile })
    const layer = NodeTransport.layerSecret(options).pipe(Layer.provide(keyring))
    return Effect.succeed(Layer.catch(layer, ({ message }) => failed(`--secret-file ${secretFile}: ${message}`)))
  }
  if (!hasFiles) return Effect.succeed(NodeTransport.layerTcp(options))
  if (certificate === undefined || key === undefined || authorities === undefined || first === undefined) {
    return Effect.fail(misuse("a probe with certificates needs --cert, --key, --ca and --trust"))
  }
  const certificates = Certificates.layerFiles({ certificate, key, authorities })
  const layer = NodeTransport.layerTls({ ...options, trust: [first, ...others] }).pipe(Layer.provide(certificates))
  return Effect.succeed(Layer.catch(layer, ({ message }) => failed(`--cert, --key, --ca: ${message}`)))
}

const failed = (message: string): Layer.Layer<Transport, CommandError> =>
  Layer.effect(Transport, Effect.fail(misuse(printable(message))))

const stepDocument = ({ millis, step }: Probe.Step): (typeof CommandOutput.Probe.Type)["steps"][number] => {
  switch (step._tag) {
    case "Resolved":
      return { step: "resolved", millis, hosts: step.hosts }
    case "Connected":
      return { step: "connected", millis, host: step.host }
    case "Secured":
      return { step: "secured", millis, protocol: step.protocol, cipher: step.cipher }
  }
}

/** Answer of a probe as a document. */
export const document = (answer: Probe.Answer | Probe.ProbeError) => {
  const steps = answer.steps.map(stepDocument)
  if (answer._tag === "ProbeError") {
    const { address, connectMillis, message, reason, step } = answer
    return { schema: 1, status: "unanswered", address, step, reason, message, connectMillis, steps }
  }
  const { address, answerMillis, connectMillis, identity, remoteHost } = answer
  const answered = { schema: 1, address, remoteHost, identity, connectMillis, answerMillis, steps }
  if (answer._tag === "Refused") {
    const { message, reason, retryAfterMillis } = answer
    return { ...answered, status: "refused", reason, message, retryAfterMillis }
  }
  const { features, incarnation, linkTimeoutMillis, observedHost, peer, protocol, version, viewHash } = answer
  const { addresses, generation, metadata, name } = peer
  return {
    ...answered,
    status: "accepted",
    peer: { name, generation, incarnation, addresses, metadata },
    version,
    protocol,
    features,
    viewHash: viewHash.toString(16).padStart(16, "0"),
    observedHost,
    linkTimeoutMillis,
  }
}

const identityText = (identity: unknown): string =>
  identity === undefined ? "none: plain TCP, not encrypted" : (JSON.stringify(identity) ?? unknown)

const stepLine = ({ millis: time, step }: Probe.Step): string => {
  switch (step._tag) {
    case "Resolved":
      return `resolved    to ${list(step.hosts.map(printable))} in ${millis(time)}`
    case "Connected":
      return `connected   to ${printable(step.host)} in ${millis(time)}`
    case "Secured":
      return `secured     by ${printable(step.protocol)}, ${printable(step.cipher)} in ${millis(time)}`
  }
}

/** Returns the description of an answer. */
export const lines = (answer: Probe.Answer | Probe.ProbeError, cluster: string | undefined): ReadonlyArray<string> => {
  const dial = answer.steps.map(stepLine)
  if (answer._tag === "ProbeError") return [...dial, `no answer   ${printable(answer.message)} (${answer.reason})`]
  const begin = [
    ...dial,
    `proof       ${printable(identityText(answer.identity))}`,
    `answered    in ${millis(answer.answerMillis)}`,
  ]
  if (answer._tag === "Refused") return [...begin, `refused     ${printable(answer.message)} (${answer.reason})`]
  const { features, observedHost, peer, protocol, version, viewHash } = answer
  return [
    ...begin,
    `cluster     ${printable(cluster ?? unknown)}, as the node says`,
    `accepted    by ${printable(peer.name)}, generation ${peer.generation}`,
    `addresses   ${peer.addresses.map(printable).join(" ")}`,
    `protocol    ${version} (${protocol.min} to ${protocol.max})${features.length === 0 ? "" : `, ${list(features.map(printable))}`}`,
    `view        ${viewHash.toString(16).padStart(16, "0")}`,
    `sees us as  ${printable(observedHost ?? unknown)}`,
  ]
}

/** Reasons of a probe to which no process answered. With every other reason, one side refuses the other. */
const silent = new Set(["unreachable", "refused", "timeout", "lost"])

/** Number of addresses that are probed at once. */
const concurrency = 8

/** Probes addresses as a process of the cluster. Texts that are no addresses are left out. */
export const probeAll = Effect.fnUntraced(function* (
  options: { readonly cluster: string | undefined; readonly proof: ProofFlags; readonly timeout: number },
  targets: ReadonlyArray<{ readonly address: string; readonly name?: string }>,
): Effect.fn.Return<ReadonlyArray<AddressProbe>, CommandError> {
  const { cluster, proof, timeout } = options
  const transport = yield* transportOf(proof, timeout)
  const parsed = targets.flatMap((target) => {
    const address = Address.parse(target.address)
    return Result.isSuccess(address) ? [{ ...target, parsed: address.success }] : []
  })
  return yield* Effect.forEach(
    parsed,
    ({ parsed, ...target }) =>
      Effect.map(ask(parsed, cluster, timeout), (answer): AddressProbe => ({ ...target, answer })),
    { concurrency },
  ).pipe(Effect.provide(Layer.provide(transport, Logger.layer([]))))
})

/** Resolves a name with the resolver of the nodes. Fails with the reason if it has no address. */
export const resolve = Effect.fnUntraced(function* (name: string): Effect.fn.Return<ReadonlyArray<string>, string> {
  const { a, aaaa } = NodeDiscovery.resolver()
  const results = yield* Effect.all([Effect.result(a(name)), Effect.result(aaaa(name))], { concurrency: 2 })
  const hosts = results.flatMap((result) => (Result.isSuccess(result) ? result.success : []))
  if (hosts.length > 0) return hosts
  const [first] = results
  return yield* Effect.fail(Result.isFailure(first) ? first.failure.message : `${name} has no address`)
})

const ask = (address: Address.Address, cluster: string | undefined, timeout: number) =>
  Probe.probe(address, { cluster, timeout }).pipe(
    Effect.catchTag("ProbeError", (error) => Effect.succeed(error)),
    Effect.catchTag("OptionsError", ({ message }) => Effect.fail(misuse(printable(message)))),
  )

export const run = Effect.fnUntraced(function* (
  session: Pick<Session, "json" | "print" | "timeout">,
  flags: Flags,
): Effect.fn.Return<ExitCode, CommandError> {
  const address = yield* Effect.fromResult(
    Result.mapError(Address.parse(flags.address), ({ message }) => misuse(printable(message))),
  )
  const transport = yield* transportOf(flags, session.timeout)
  const answer = yield* Effect.provide(
    ask(address, flags.cluster, session.timeout),
    Layer.provide(transport, Logger.layer([])),
  )
  yield* output(session, document(answer), () => lines(answer, flags.cluster))
  if (answer._tag === "ProbeError") return silent.has(answer.reason) ? exits.noAnswer : exits.no
  return answer._tag === "Accepted" ? exits.yes : exits.no
})
