/**
 * What happened in a simulation, event by event, in the order of virtual time: kept as lines of JSON, and drawn as a
 * page of HTML or by ShiViz.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Event, Trace } from "./internal/traceEvents.ts"
import { html, type PictureOptions } from "./picture/html.ts"
import { shiviz } from "./picture/shiviz.ts"
import { SimulationError } from "./SimulationError.ts"

export * from "./internal/traceEvents.ts"
export type { PictureOptions } from "./picture/html.ts"

/** The form of the lines. Another form is another number. */
const version = 1

/** The first line. */
const Header = Schema.Struct({
  version: Schema.Int,
  scenario: Trace.fields.scenario,
  seed: Trace.fields.seed,
  nodes: Trace.fields.nodes,
  skipped: Trace.fields.skipped,
})

/**
 * Lines of JSON: first what the trace is of, then one event per line.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toJsonl = ({ events, nodes, scenario, seed, skipped }: Trace): string =>
  [{ version, scenario, seed, nodes, skipped }, ...events].map((line) => `${JSON.stringify(line)}\n`).join("")

const unreadable = (message: string) => new SimulationError({ reason: "artifact", message })

const parseLine = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  text: string,
  number: number,
): Result.Result<S["Type"], SimulationError> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "it is no JSON, or was cut off" }).pipe(
    Result.flatMap((json) => Result.mapError(Schema.decodeUnknownResult(schema)(json), ({ message }) => message)),
    Result.mapError((why) =>
      unreadable(`line ${number} of the trace cannot be read: ${why}. Use a file that \`toJsonl\` wrote, as it is.`),
    ),
  )

/**
 * Reads what {@link toJsonl} wrote. Empty lines do not count.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromJsonl = (text: string): Result.Result<Trace, SimulationError> =>
  Result.gen(function* () {
    const lines = text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line, number: index + 1 }]))
    const [first, ...rest] = lines
    if (first === undefined) {
      return yield* Result.fail(unreadable("the trace is empty: use a file that `toJsonl` wrote, as it is"))
    }
    const { version: found, ...header } = yield* parseLine(Header, first.line, first.number)
    if (found !== version) {
      return yield* Result.fail(
        unreadable(
          `the trace has version ${found} and this testkit reads version ${version}: use the testkit that wrote it`,
        ),
      )
    }
    const events: Array<Event> = []
    for (const { line, number } of rest) events.push(yield* parseLine(Event, line, number))
    return { ...header, events }
  })

/**
 * A log for ShiViz, with vector clocks. Its first two lines say how it is to be read: open the file in ShiViz, which finds
 * them there. What belongs to no node is told by a host named `simulation`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toShiViz = (trace: Trace): string => shiviz(trace)

/**
 * A page with a lane for each node and an arrow for each message, time downwards. It is one file that needs no network
 * and no other file, and opens where the run ended.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toHtml = (trace: Trace, options: PictureOptions = {}): string => html(trace, options)
