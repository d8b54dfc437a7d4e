/** The command as processes, against nodes on real sockets: signals, pipes, terminals, and runs that take a while. */
import * as World from "../../../core/test/cluster/world.ts"
import { CommandOutput } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Net from "node:net"
import { bin, coterie, inProcess, served } from "./command.ts"

const Line = Schema.fromJsonString(CommandOutput.Event)
const Members = Schema.fromJsonString(CommandOutput.Members)

/** A proxy to a port of the loopback, whose connections can be cut. */
const cuttable = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly cut: Effect.Effect<void>
      /** Waits for as many requests. */
      readonly connected: (count: number) => Effect.Effect<void>
      /** Values of `Last-Event-ID` of all requests. */
      readonly resumed: () => ReadonlyArray<string | undefined>
      readonly close: Effect.Effect<void>
    }>((resume) => {
      const sockets = new Set<Net.Socket>()
      const requests: Array<string> = []
      const server = Net.createServer((near) => {
        const far = Net.connect(port, "127.0.0.1")
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
        }
        near.on("data", (chunk: Buffer) => requests.push(chunk.toString()))
        near.pipe(far).pipe(near)
      })
      const cut = Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`,
            cut,
            connected: (count) => World.eventually(() => requests.length >= count),
            resumed: () => requests.map((text) => /^last-event-id: (\S+)/im.exec(text)?.[1]),
            close: Effect.andThen(
              Effect.sync(() => void server.close()),
              cut,
            ),
          }),
        )
      })
    }),
    ({ close }) => close,
  )

describe("the command coterie as a process", () => {
  it.live("prints one JSON document and nothing else", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const { code, err, out } = yield* coterie(["probe", a?.address ?? "", "--cluster", "test", "--json"])
      assert.deepStrictEqual([code, err], [0, ""], out)
      Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Probe))(out)
    }).pipe(Effect.scoped),
  )

  it.live("follows events until a signal, and exits with 130", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const args = ["events", "--follow", "--json", "--url", a?.url ?? ""]
      const { code, err, out } = yield* coterie(args, { steps: [{ after: "Snapshot", act: "SIGINT" }] })
      assert.deepStrictEqual([code, err], [130, ""])
      const [first] = out.split("\n")
      const event = Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Event))(first)
      assert.strictEqual(event.event, "Snapshot")
    }).pipe(Effect.scoped),
  )

  it.live("continues after the last event when the stream is cut, and fails when the service is gone", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const proxy = yield* cuttable(Number(new URL(a.url).port))
      const set = (zone: string) => Effect.ignore(a.cluster.updateMetadata({ zone }))
      // The first request has the same timeout, and the machine may be busy.
      const args = ["events", "--follow", "--json", "--timeout", "10s", "--url", proxy.url]
      // The first event happens while there is no stream.
      const cut = Effect.andThen(proxy.cut, set("two"))
      const ended = yield* coterie(args, {
        steps: [
          { after: "Snapshot", and: Effect.andThen(cut, Effect.andThen(proxy.connected(2), set("three"))) },
          { after: '"three"', and: proxy.close },
        ],
      })
      const events = ended.out
        .trimEnd()
        .split("\n")
        .map((line) => Schema.decodeUnknownSync(Line)(line))
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["Snapshot", "SelfChanged", "SelfChanged"],
      )
      const ids = events.map(({ id }) => id ?? "")
      const numbers = ids.map((id) => Number(id.slice(id.indexOf("-") + 1)))
      assert.deepStrictEqual(numbers, [numbers[0], (numbers[0] ?? 0) + 1, (numbers[0] ?? 0) + 2])
      assert.deepStrictEqual(proxy.resumed(), [undefined, ids[0]])
      assert.include(ended.err, `has ended; --since ${ids[0]} continues it; trying again`)
      assert.strictEqual(ended.code, 3)
      assert.match(
        ended.err,
        new RegExp(`^coterie: the event stream of \\S+ has ended; --since ${ids[2]} continues it\n$`, "m"),
      )
    }).pipe(Effect.scoped),
  )

  it.live("prints the members again and again, one document in each line with --json", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const set = (zone: string) => Effect.ignore(a.cluster.updateMetadata({ zone }))
      const watch = (...args: ReadonlyArray<string>) => ["members", "--watch", ...args, "--url", a.url]
      const { code, err, out } = yield* coterie(watch("--json"), {
        steps: [
          { after: "}", and: set("two") },
          { after: '"two"', act: "SIGINT" },
        ],
      })
      assert.deepStrictEqual([code, err], [130, ""])
      const zones = out
        .trimEnd()
        .split("\n")
        .map((line) => Schema.decodeUnknownSync(Members)(line).node.metadata["zone"])
      assert.deepStrictEqual([...new Set(zones)], [undefined, "two"])
      const text = yield* inProcess(watch(), { interruptAfter: "\n\nNAME" })
      assert.match(text.out, /^NAME +STATUS.*\na +alive +self.*\n\nNAME +STATUS/)
      assert.strictEqual(text.code, 130)
    }).pipe(Effect.scoped),
  )

  it.live("ends without an error when the reader of its output closes the pipe", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const args = ["events", "--follow", "--url", a.url]
      // Another event, which the process prints into the closed pipe.
      const more = Effect.ignore(a.cluster.updateMetadata({ zone: "two" }))
      const ended = yield* coterie(args, { steps: [{ after: "Snapshot", act: "close", and: more }] })
      assert.deepStrictEqual([ended.code, ended.err], [0, ""])
    }).pipe(Effect.scoped),
  )

  it.live("colors the output on a terminal, except with NO_COLOR", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      // `script` of util-linux gives the command a terminal.
      const program = [
        "script",
        "-qec",
        `"${process.execPath}" "${bin}" health --url ${a?.url ?? ""}`,
        "/dev/null",
      ] as const
      const colored = yield* coterie([], { program, env: { TERM: "xterm" } })
      assert.include(colored.out, "\u001b[32mok\u001b[0m")
      const plain = yield* coterie([], { program, env: { TERM: "xterm", NO_COLOR: "1" } })
      assert.include(plain.out, "ok  ready:")
      assert.notInclude(plain.out, "\u001b[3")
    }).pipe(Effect.scoped),
  )

  it.live("exits with 3 and one sentence if nothing answers", () =>
    Effect.map(inProcess(["members", "--url", "http://127.0.0.1:9"]), ({ code, err, out }) => {
      assert.deepStrictEqual([code, out], [3, ""])
      assert.strictEqual(
        err,
        "coterie: no admin service answers at http://127.0.0.1:9; is it running, and is the port right? " +
          "(--url, COTERIE_ADMIN_URL)\n",
      )
    }),
  )

  it.live("waits until a node has joined", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      if (a === undefined) return assert.fail("there is no node")
      const args = ["wait", "--members", "2", "--timeout", "2m", "--url", a.url]
      const world = yield* World.tcp
      const [ended] = yield* Effect.all([inProcess(args), world.node("b", { seeds: [a.address] })], {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual([ended.code, ended.out], [0, "2 of 2 members\n"])
    }).pipe(Effect.scoped),
  )
})
