/** What the network tells goes into the hash of the run, and into its trace. */
import type { Kernel } from "../kernel/Kernel.ts"
import type { Observation } from "../network/World.ts"
import type { Describe } from "../Scenario.ts"
import type * as Trace from "../Trace.ts"
import type * as Recorder from "./Recorder.ts"

/** Only a run with a trace describes anything, so what throws there must not make it another run. */
const tell = (describe: Describe, bytes: Uint8Array): ReturnType<Describe> => {
  try {
    return describe(bytes)
  } catch (cause) {
    return [{ kind: "describe", text: `\`describe\` threw: ${cause instanceof Error ? cause.message : String(cause)}` }]
  }
}

/** Their places tell them apart in the hash. */
const tags: ReadonlyArray<Observation["_tag"]> = ["Dialed", "Accepted", "Sent", "Lost", "Arrived", "Dropped", "Ended"]

export const make = (options: {
  readonly kernel: Kernel
  readonly recorder: Recorder.Recorder
  readonly describe: (() => Describe) | undefined
}): ((observation: Observation) => void) => {
  const { kernel, recorder } = options
  const { hash } = kernel
  /** Each direction of a connection has its own decoder, because messages span segments. */
  const decoders = new Map<string, Describe>()
  const ends = new Map<number, { readonly from: string; readonly to: string }>()

  const messages = (key: string, bytes: Uint8Array): { readonly messages?: ReturnType<Describe> } => {
    if (options.describe === undefined) return {}
    const known = decoders.get(key) ?? options.describe()
    decoders.set(key, known)
    const found = tell(known, bytes)
    return found.length === 0 ? {} : { messages: found }
  }

  const event = (observation: Observation): Trace.Event => {
    const at = kernel.now
    switch (observation._tag) {
      case "Sent": {
        const { bytes, connection, from, segment, to } = observation
        const described = messages(`${connection} ${from}`, bytes)
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
        ends.set(connection, { from, to })
        return { _tag: "Connection", at, connection, from, to, state: "dialed" }
      }
      case "Accepted": {
        const { from = "", to = "" } = ends.get(observation.connection) ?? {}
        return { _tag: "Connection", at, connection: observation.connection, from, to, state: "accepted" }
      }
      case "Ended": {
        const { by, connection, how } = observation
        const { from = "", to = "" } = ends.get(connection) ?? {}
        return { _tag: "Connection", at, connection, from, to, state: how, by }
      }
    }
  }

  return (observation) => {
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
    if (recorder.enabled) recorder.add(event(observation))
  }
}
