/** Observer of the network: folds its observations into the hash of the run, and records them in the trace. */
import type { Kernel } from "../kernel/Kernel.ts"
import type { Observation, Side } from "../network/Environment.ts"
import type { Describe, Described } from "../Scenario.ts"
import type * as Trace from "../Trace.ts"
import type { Recorder } from "./Recorder.ts"

/** Decodes bytes. Only a run with a trace decodes, so an exception in `describe` must not change the run. */
const decode = (describe: Describe, bytes: Uint8Array, side: Side): ReadonlyArray<Described> => {
  try {
    // A copy, because a decoder may keep, change or transfer its input, and these bytes are still in flight.
    return describe(bytes.slice(), side)
  } catch (cause) {
    return [{ kind: "describe", text: `\`describe\` threw: ${cause instanceof Error ? cause.message : String(cause)}` }]
  }
}

/** Tags of observations. The hash has the index of a tag in this list. */
const tags: ReadonlyArray<Observation["_tag"]> = ["Dialed", "Accepted", "Sent", "Lost", "Arrived", "Dropped", "Ended"]

interface Options {
  readonly kernel: Kernel
  readonly recorder: Recorder
  readonly describe: (() => Describe) | undefined
}

export class NetworkObserver {
  private readonly options: Options
  /** Decoders by connection, because messages span segments. */
  private readonly decoders = new Map<number, Describe>()
  private readonly hosts = new Map<number, { readonly from: string; readonly to: string }>()

  constructor(options: Options) {
    this.options = options
  }

  readonly observe = (observation: Observation): void => {
    const { kernel, recorder } = this.options
    const { hash } = kernel
    hash.add(kernel.now)
    hash.add(tags.indexOf(observation._tag))
    switch (observation._tag) {
      case "Sent":
        hash.add(observation.segment)
        hash.bytes(observation.bytes)
        break
      case "Arrived":
      case "Lost":
      case "Dropped":
        hash.add(observation.segment)
        break
      default:
        hash.add(observation.connection)
    }
    if (recorder.enabled) recorder.add(this.eventOf(observation))
  }

  private messages(
    connection: number,
    bytes: Uint8Array,
    side: Side,
  ): Pick<Extract<Trace.Event, { readonly _tag: "Sent" }>, "messages"> {
    const { describe } = this.options
    if (describe === undefined) return {}
    const decoder = this.decoders.get(connection) ?? describe()
    this.decoders.set(connection, decoder)
    const messages = decode(decoder, bytes, side).map(({ background, kind, text }) =>
      background === true ? { kind, text, background } : { kind, text },
    )
    return messages.length === 0 ? {} : { messages }
  }

  private eventOf(observation: Observation): Trace.Event {
    const at = this.options.kernel.now
    switch (observation._tag) {
      case "Sent": {
        const { bytes, connection, from, segment, side, to } = observation
        const described = this.messages(connection, bytes, side)
        return { _tag: "Sent", at, id: segment, connection, from, to, size: bytes.length, ...described }
      }
      case "Arrived":
        return { _tag: "Arrived", at, id: observation.segment }
      case "Lost":
        return { _tag: "Lost", at, id: observation.segment, times: observation.times }
      case "Dropped":
        return { _tag: "Dropped", at, id: observation.segment, why: observation.why }
      case "Dialed": {
        const { connection, from, to } = observation
        this.hosts.set(connection, { from, to })
        return { _tag: "Connection", at, connection, from, to, state: "dialed" }
      }
      case "Accepted": {
        const { from = "", to = "" } = this.hosts.get(observation.connection) ?? {}
        return { _tag: "Connection", at, connection: observation.connection, from, to, state: "accepted" }
      }
      case "Ended": {
        const { by, connection, how } = observation
        const { from = "", to = "" } = this.hosts.get(connection) ?? {}
        return { _tag: "Connection", at, connection, from, to, state: how, by }
      }
    }
  }
}
