/**
 * Trace of a simulation: its events in the order of virtual time. A trace is saved as lines of JSON, and drawn as an
 * HTML page or by ShiViz.
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

/** Version of the format of the lines. */
const version = 1

/** Schema of the first line. */
const Header = Schema.Struct({
  version: Schema.Int,
  scenario: Trace.fields.scenario,
  seed: Trace.fields.seed,
  nodes: Trace.fields.nodes,
  skipped: Trace.fields.skipped,
})

/**
 * Encodes a trace as lines of JSON: first a line with the scenario, the seed and the nodes, then one event per line.
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
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "it is not JSON, or is truncated" }).pipe(
    Result.flatMap((json) => Result.mapError(Schema.decodeUnknownResult(schema)(json), ({ message }) => message)),
    Result.mapError((why) =>
      unreadable(`line ${number} of the trace cannot be read: ${why}. Use a file that \`toJsonl\` wrote, unchanged.`),
    ),
  )

/**
 * Decodes the output of {@link toJsonl}. Ignores empty lines. Fails with `SimulationError` and the reason `artifact` if
 * a line does not decode, or if the trace has another version.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromJsonl = (text: string): Result.Result<Trace, SimulationError> =>
  Result.gen(function* () {
    const lines = text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [{ line, number: index + 1 }]))
    const [first, ...rest] = lines
    if (first === undefined) {
      return yield* Result.fail(unreadable("the trace is empty: use a file that `toJsonl` wrote, unchanged"))
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
 * Encodes a trace as a log for ShiViz, with vector clocks. The first two lines are the parser and the delimiter, which
 * ShiViz reads from the file. Events without a node belong to a host named `simulation`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toShiViz = (trace: Trace): string => shiviz(trace)

/**
 * Encodes a trace as an HTML page, with a lane for each node, an arrow for each message, and time running downwards.
 * The page is a single file that loads nothing else. It opens at the end of the run.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toHtml = (trace: Trace, options: PictureOptions = {}): string => html(trace, options)
