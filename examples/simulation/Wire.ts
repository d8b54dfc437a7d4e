/**
 * Questions and answers over `Transport`. Each question has its own connection, with one line of JSON in each
 * direction.
 */
import { Address, Transport } from "@coterie/core"
import type { Simulation } from "@coterie/testkit"
import { type Duration, Effect, Option, Schema, Semaphore, Stream } from "effect"
import { Ndjson } from "effect/encoding"

/** Error of a question without an answer. The question may have arrived and had its effect. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", { message: Schema.String }) {}

/** Time for which each side waits for the other, so that a lost peer blocks no fiber and leaves no connection open. */
const answerTimeout: Duration.Input = "2 seconds"

/** Maximum length of a line in bytes. */
const maxLineBytes = 4096

/** Makes a client and a server for the same questions and answers. */
export const make = <Question, Answer>(schemas: {
  readonly question: Schema.Codec<Question, unknown>
  readonly answer: Schema.Codec<Answer, unknown>
}) => {
  const questions = line(schemas.question)
  const answers = line(schemas.answer)
  return {
    /** Makes a function that asks the server at the address. */
    client: (at: string) =>
      Effect.gen(function* () {
        const transport = yield* Transport.Transport
        const address = yield* Effect.orDie(Effect.fromResult(Address.parse(at)))
        return (question: Question) =>
          transport.connect(address).pipe(
            Effect.tap((connection) => questions.write(connection, question)),
            Effect.flatMap(answers.read),
            Effect.scoped,
            Effect.timeout(answerTimeout),
            Effect.mapError(({ message }) => new NoAnswer({ message: `${at} gave no answer: ${message}` })),
          )
      }),

    /** Answers questions one after the other until the scope closes. */
    serve: <R>(answer: (question: Question) => Effect.Effect<Answer, never, R>) =>
      Effect.gen(function* () {
        const transport = yield* Transport.Transport
        const listener = yield* Effect.orDie(transport.listen)
        const turn = yield* Semaphore.make(1)
        const handle = (connection: Transport.Connection) =>
          questions.read(connection).pipe(
            // An answer that has begun completes, even if the other side has given up.
            Effect.flatMap((question) => turn.withPermit(Effect.uninterruptible(answer(question)))),
            Effect.flatMap((reply) => answers.write(connection, reply)),
            Effect.timeout(answerTimeout),
            Effect.ignore({ log: "Debug" }),
          )
        yield* Effect.forkScoped(listener.run(handle))
      }),
  }
}

/** Makes functions that read and write a line of JSON on a connection. */
const line = <A>(schema: Schema.Codec<A, unknown>) => {
  const encode = Schema.encodeEffect(Schema.fromJsonString(schema))
  const decode = Ndjson.decodeSchema(schema)<Transport.TransportError>({ maxLineBytes })
  return {
    write: (connection: Transport.Connection, value: A) =>
      Effect.flatMap(encode(value), (json) => connection.write([new TextEncoder().encode(`${json}\n`)])),

    read: (connection: Transport.Connection) =>
      Stream.fromPull(Effect.succeed(connection.pull)).pipe(
        Stream.pipeThroughChannel(decode),
        Stream.runHead,
        Effect.flatMap(
          Option.match({
            onNone: () => new NoAnswer({ message: "the connection ended before the line" }),
            onSome: Effect.succeed,
          }),
        ),
      ),
  }
}

/** Describes the lines of a connection for the traces and the picture of a simulation. */
export const describe = (): Simulation.Describe => {
  const sides = { dialer: describeLines(), acceptor: describeLines() }
  return (bytes, side) => sides[side](bytes)
}

const describeLines = () => {
  const decoder = new TextDecoder()
  let rest = ""
  return (bytes: Uint8Array): ReadonlyArray<Simulation.Described> => {
    const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split("\n")
    rest = lines.pop() ?? ""
    return lines.map((line) => ({
      kind: /"_tag":"(\w+)"/.exec(line)?.[1] ?? "line",
      text: line.replace(/"_tag":"\w+",?/, ""),
    }))
  }
}
