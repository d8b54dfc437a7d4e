/**
 * Asks the process at an address who it is and whether it would accept this process, without becoming a member. A probe
 * connects, sends Hello under a random name, and closes the connection after the answer. It does not send Ready, so the
 * peer stores nothing (docs/protocol.md, section "Handshake").
 *
 * **Example** (Print who answers at an address)
 *
 * ```ts
 * import { Address, Probe } from "@coterie/core"
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Console, Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const address = yield* Effect.fromResult(Address.parse("10.0.3.7"))
 *   const answer = yield* Probe.probe(address, { cluster: "shop" })
 *   yield* Console.log(answer._tag === "Accepted" ? `${answer.peer.name} answers` : answer.message)
 * }).pipe(Effect.provide(NodeTransport.layerTcp({ host: "127.0.0.1" })))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Address } from "./Address.ts"
import { OptionsError } from "./ClusterError.ts"
import { SeedUnavailableReason } from "./ClusterEvent.ts"
import { randomInstance } from "./cluster/initialState.ts"
import { reasonOf } from "./cluster/refusals.ts"
import { Entropy, type Source } from "./Entropy.ts"
import { monotonicMillis } from "./internal/time.ts"
import * as Limits from "./Limits.ts"
import { FrameReader } from "./link/FrameReader.ts"
import * as Handshake from "./link/Handshake.ts"
import { inTime } from "./peering/handshakeOutcome.ts"
import { hostOf } from "./peering/ObservedHosts.ts"
import type { PeerDescription } from "./Peer.ts"
import { minLinkTimeout, minWindow, protocolVersion } from "./protocol/constants.ts"
import type { Hello, HelloAck } from "./protocol/Frame.ts"
import { nameProblem } from "./protocol/PeerName.ts"
import { memberHash, type PeerRecord } from "./protocol/PeerRecord.ts"
import { type Connection, DialObserver, DialStep, type Identity, Transport } from "./Transport.ts"
import * as Traffic from "./wire/Traffic.ts"

/**
 * Options of a probe.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Name of the cluster in the Hello, 1 to 128 bytes. A peer of another cluster refuses the probe, and its refusal
   * contains the name of its own cluster. Defaults to the random name of the probe, which every peer refuses.
   */
  readonly cluster?: string | undefined
  /**
   * Maximum time for the connection, including a handshake of the transport, and for the answer, each. Defaults to 5
   * seconds, like `limits.handshakeTimeout`.
   */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A step of the dial of a probe, with its time in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = Schema.Schema.Type<typeof Step>

/**
 * Schema of a step of the dial of a probe.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Step = Schema.Struct({ step: DialStep, millis: Schema.Number })

/**
 * A connection on which a process answered. All times are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered {
  readonly address: Address
  /** Host of the peer, as the network reports it. */
  readonly remoteHost: string
  /** Proof of the peer; `undefined` if the transport requires none. */
  readonly identity: Identity | undefined
  /** Time until the connection was open, including all steps. */
  readonly connectMillis: number
  /** Steps of the dial. Empty if the transport reports none. */
  readonly steps: ReadonlyArray<Step>
  /** Time from the open connection to the answer: a round trip, and the work of the peer. */
  readonly answerMillis: number
}

/**
 * Answer of a peer that would accept a process of this cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted extends Answered {
  readonly _tag: "Accepted"
  readonly peer: PeerDescription
  /** Counter with which the peer refutes accusations and announces changes of its metadata. */
  readonly incarnation: number
  /** Version of the protocol that the peer chose. */
  readonly version: number
  /** Lowest and highest version of the protocol that the peer speaks. */
  readonly protocol: { readonly min: number; readonly max: number }
  /** Names of the optional parts of the protocol that the peer supports. */
  readonly features: ReadonlyArray<string>
  /** Hash of the members in the peer's view. */
  readonly viewHash: bigint
  /** Host of this process as the peer sees it; `undefined` if the text of the peer is not a host. */
  readonly observedHost: string | undefined
  /** Silence after which the peer ends a link. */
  readonly linkTimeoutMillis: number
}

/**
 * Answer of a peer that refuses the probe.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused extends Answered {
  readonly _tag: "Refused"
  /** Reason in one word, as in the event `SeedUnavailable`. */
  readonly reason: SeedUnavailableReason
  /** Description of the refusal, for people. */
  readonly message: string
  /** Time after which the peer suggests another attempt, if it suggests one. */
  readonly retryAfterMillis: number | undefined
}

/**
 * Answer to a probe.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer = Accepted | Refused

/**
 * Error of a probe to which no peer answered.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProbeError extends Schema.TaggedError<ProbeError>()("ProbeError", {
  address: Schema.String,
  /** Step that failed: the connection, or the answer to the Hello. */
  step: Schema.Literals(["connect", "answer"]),
  /** Reason in one word, as in the event `SeedUnavailable`. */
  reason: SeedUnavailableReason,
  /** Description of the failure, for people. */
  text: Schema.String,
  /** Time until the connection was open, in milliseconds. Absent if it was not. */
  connectMillis: Schema.optionalKey(Schema.Number),
  /** Steps of the dial that succeeded. */
  steps: Schema.Array(Step),
}) {
  // A stack trace into this library would not help: the message describes the failure of the network.
  override readonly stack: string = `${this.name}: ${this.message}`

  override get message(): string {
    return this.text.startsWith(`${this.address} `) ? this.text : `${this.address}: ${this.text}`
  }
}

/**
 * Probes the process at an address through the transport of this process. Fails with `ProbeError` if no connection
 * comes about, or if no peer answers on it. Fails with `OptionsError` if the name of the cluster or the timeout cannot
 * be used.
 *
 * **Details**
 *
 * The name of the probe is `probe-` and 64 random bits in hex. The admission policy of the peer sees this name, and the
 * peer counts the connection as `lost` in `coterie_connections_total`.
 *
 * **Gotchas**
 *
 * A peer that accepts a probe may still refuse a node, for example by the name of the node or because the name is in
 * use.
 *
 * @category probing
 * @since 0.1.0
 */
export const probe = Effect.fnUntraced(function* (
  address: Address,
  options: Options = {},
): Effect.fn.Return<Answer, ProbeError | OptionsError, Transport> {
  const { cluster, timeout } = yield* checkOptions(options)
  const transport = yield* Transport
  const clock = yield* Clock.Clock
  const hello = helloOf(yield* Entropy, address, cluster, clock.currentTimeMillisUnsafe())
  const start = monotonicMillis(clock)
  const steps: Array<Step> = []
  let last = start
  const observe = (step: DialStep): void => {
    const now = monotonicMillis(clock)
    steps.push({ step, millis: now - last })
    last = now
  }
  const dial = Effect.provideService(transport.connect(address), DialObserver, observe)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Effect.mapError(inTime(dial, timeout, "connection"), (error) =>
        probeError({ step: "connect", address, error, steps }),
      )
      const connected = monotonicMillis(clock)
      const connectMillis = connected - start
      const result = yield* Effect.result(inTime(ask(connection, hello), timeout, "answer to the Hello"))
      const answered: Answered = {
        address,
        remoteHost: connection.remoteHost,
        identity: connection.identity,
        connectMillis,
        steps,
        answerMillis: monotonicMillis(clock) - connected,
      }
      if (result._tag === "Success") return acceptedOf(result.success, answered)
      const error = result.failure
      if (error._tag === "HandshakeRejected") return refusedOf(error, answered)
      return yield* probeError({ step: "answer", address, error, steps, connectMillis })
    }),
  )
})

const checkOptions = ({
  cluster,
  timeout = Limits.defaults.handshakeTimeout,
}: Options): Effect.Effect<{ readonly cluster: string | undefined; readonly timeout: number }, OptionsError> => {
  const label = cluster === undefined ? undefined : nameProblem(cluster)
  if (label !== undefined) return Effect.fail(new OptionsError({ option: "cluster", problem: label }))
  const millis = Option.match(Duration.fromInput(timeout), { onNone: () => Number.NaN, onSome: Duration.toMillis })
  return millis > 0 && Number.isFinite(millis)
    ? Effect.succeed({ cluster, timeout: millis })
    : Effect.fail(new OptionsError({ option: "timeout", problem: "must be a positive and finite duration" }))
}

/** Returns the Hello of a process with a random name that has met no peer. */
const helloOf = (source: Source, address: Address, cluster: string | undefined, wall: number): Hello => {
  const random = Array.from({ length: 2 }, () => source.u32().toString(16).padStart(8, "0"))
  const name = `probe-${random.join("")}`
  const record: PeerRecord = {
    name,
    generation: Math.max(1, Math.floor(wall)),
    incarnation: 0,
    status: "alive",
    body: { addresses: [], metadata: {}, versionMin: protocolVersion, versionMax: protocolVersion, features: [] },
  }
  return {
    _tag: "Hello",
    versionMin: protocolVersion,
    versionMax: protocolVersion,
    label: cluster ?? name,
    record,
    instance: randomInstance(source),
    linkEpoch: source.u32(),
    dialedAddress: address,
    viewHash: memberHash(record),
    // No message and no heartbeat follows, so the smallest values that a peer accepts are enough.
    window: minWindow,
    linkTimeout: minLinkTimeout,
  }
}

const ask = (connection: Connection, hello: Hello): Effect.Effect<HelloAck, Handshake.HandshakeError> => {
  const traffic = Traffic.make()
  return Handshake.introduce({ connection, reader: new FrameReader(connection, traffic), sent: traffic }, hello)
}

const acceptedOf = (ack: HelloAck, answered: Answered): Accepted => {
  const { body, generation, incarnation, name } = ack.record
  return {
    _tag: "Accepted",
    ...answered,
    peer: { name, generation, addresses: body.addresses, metadata: body.metadata },
    incarnation,
    version: ack.version,
    protocol: { min: body.versionMin, max: body.versionMax },
    features: body.features,
    viewHash: ack.viewHash,
    observedHost: hostOf(ack.observedHost),
    linkTimeoutMillis: ack.linkTimeout,
  }
}

const refusedOf = (error: Handshake.HandshakeRejected, answered: Answered): Refused => ({
  _tag: "Refused",
  ...answered,
  reason: reasonOf(error),
  message: Handshake.describe(error),
  retryAfterMillis: error.retryAfter,
})

const probeError = ({
  address,
  connectMillis,
  error,
  step,
  steps,
}: {
  readonly step: ProbeError["step"]
  readonly address: Address
  readonly error: Handshake.HandshakeError
  readonly steps: ReadonlyArray<Step>
  readonly connectMillis?: number
}): ProbeError =>
  new ProbeError({
    address,
    step,
    reason: reasonOf(error),
    text: Handshake.describe(error),
    steps,
    ...(connectMillis === undefined ? {} : { connectMillis }),
  })
