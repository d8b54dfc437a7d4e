/**
 * Three processes on this machine meet, talk, lose one that is killed, get it back, and let one go that
 * leaves. Every step is checked; the exit code says whether all of them held.
 *
 *     npx -y pnpm@12 demo
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Net from "node:net"
import * as Child from "../support/Child.ts"
import * as Peers from "./Peers.ts"

/** Time for which the port of the peer that left is watched. The first redials would come within a second or two. */
const watchTime = "3 seconds"

class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", { message: Schema.String }) {}

const check = (holds: boolean, message: string) => (holds ? Effect.void : Effect.fail(new CheckFailed({ message })))

/** Every process that was started, by its id. */
const started = new Map<number, string>()

const demo = Effect.gen(function* () {
  const { begin, ok, say } = yield* narrator

  const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
    const peer = yield* Peers.start(name, seeds)
    started.set(peer.pid, name)
    yield* say(`${name} listens on ${peer.address} (process ${peer.pid})`)
    return peer
  })

  yield* begin("Three processes meet. b and c know nothing but the address of a.")
  const a = yield* start("a", [])
  const [b, c] = yield* Effect.all([start("b", [a.address]), start("c", [a.address])], { concurrency: "unbounded" })
  yield* Peers.lists(a, [b, c])
  yield* Peers.lists(b, [a, c])
  yield* Peers.lists(c, [a, b])
  yield* ok("a lists b and c, b lists a and c, c lists a and b; every pair has a link")

  const hello = "Hello, world!"
  yield* begin("a broadcasts.")
  const { to } = yield* Peers.command(a, { _tag: "Broadcast", text: hello })
  yield* check([...to].sort().join() === "b,c", `a sent to [${to.join()}], and not to b and c`)
  yield* say(`a sent "${hello}" to b and c`)
  yield* Peers.hears(b, "a", hello)
  yield* ok(`the inbox of b: "${hello}" from a`)
  yield* Peers.hears(c, "a", hello)
  yield* ok(`the inbox of c: "${hello}" from a`)

  const secret = "This is for you alone."
  yield* begin("b sends to c, directly.")
  yield* Peers.command(b, { _tag: "Send", to: "c", text: secret })
  yield* Peers.hears(c, "b", secret)
  yield* ok(`the inbox of c: "${secret}" from b`)
  // What b sent to a after that would arrive after it.
  yield* Peers.command(b, { _tag: "Send", to: "a", text: "Done." })
  yield* Peers.hears(a, "b", "Done.")
  const overheard = a.since(
    0,
    Peers.report("Message", ({ text }) => text === secret),
  )
  yield* check(overheard.length === 0, "a got the message that was for c")
  yield* ok("a did not get it")

  yield* begin("c is killed (SIGKILL) and cannot say goodbye.")
  const fromKill = { from: a.mark(), within: "15 seconds" } as const
  const fromKillAtB = { from: b.mark(), within: "15 seconds" } as const
  yield* c.signal("SIGKILL")
  yield* say("c is dead; a and b redial it and wait a while for a sign of life")
  yield* Peers.awaitEvent(a, "Failed", "c", fromKill)
  yield* Peers.awaitEvent(b, "Failed", "c", fromKillAtB)
  yield* Peers.lists(a, [b], fromKill)
  yield* Peers.lists(b, [a], fromKillAtB)
  yield* ok("a and b report that c failed, and list it no more")

  yield* begin("c starts again, under its name, on whatever port is free.")
  const [fromA, fromB] = [{ from: a.mark() }, { from: b.mark() }]
  const again = yield* start("c", [a.address])
  yield* Peers.lists(a, [b, again], fromA)
  yield* Peers.lists(b, [a, again], fromB)
  yield* Peers.lists(again, [a, b])
  const back = [yield* Peers.awaitEvent(a, "Replaced", "c", fromA), yield* Peers.awaitEvent(b, "Replaced", "c", fromB)]
  yield* check(
    again.generation > c.generation && back.every(({ generation }) => generation === again.generation),
    `the generation of c was ${c.generation} and is ${again.generation}; a and b tell of ${back.map((event) => event.generation).join()}`,
  )
  yield* ok(`a and b have it back as a new generation, ${again.generation}; before it was ${c.generation}`)
  yield* ok("every pair has a link again")

  yield* begin("b is asked to end (SIGTERM) and leaves.")
  const [beforeA, beforeC] = [a.mark(), again.mark()]
  yield* b.signal("SIGTERM")
  yield* Peers.awaitEvent(a, "Left", "b", { from: beforeA })
  yield* Peers.awaitEvent(again, "Left", "b", { from: beforeC })
  yield* Peers.lists(a, [again], { from: beforeA })
  yield* Peers.lists(again, [a], { from: beforeC })
  yield* ok("a and c report that b left")
  yield* say(`the demo listens on ${b.address}, where b was, for ${watchTime}`)
  const calls = yield* Effect.scoped(countCalls(b.address))
  yield* check(calls === 0, `somebody dialed ${b.address} ${calls} times after b had left`)
  for (const [peer, mark] of [
    [a, beforeA],
    [again, beforeC],
  ] as const) {
    const events = peer
      .since(
        mark,
        Peers.report("Event", ({ peer }) => peer === "b"),
      )
      .map(({ event }) => event)
    const after = events.slice(events.indexOf("Left") + 1)
    yield* check(after.length === 0, `${peer.name} told of b after it had left: ${after.join(", ")}`)
  }
  yield* ok("nobody dialed it, and a and c told nothing more of b")
})

/** Listens where a peer was, for the watch time, and counts who connects. */
const countCalls = Effect.fnUntraced(function* (address: string) {
  let calls = 0
  const server = Net.createServer((socket) => {
    calls++
    socket.destroy()
  })
  yield* Effect.acquireRelease(
    Effect.callback<void, CheckFailed>((resume) => {
      server.once("error", (error) =>
        resume(Effect.fail(new CheckFailed({ message: `the demo cannot listen on ${address}: ${error.message}` }))),
      )
      server.listen(Number(address.split(":").at(-1)), "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close()),
  )
  yield* Effect.sleep(watchTime)
  return calls
})

/** Tells what happens, with the seconds since the start. */
const narrator = Effect.gen(function* () {
  const start = yield* Clock.currentTimeMillis
  let step = 0
  const line = (mark: string, text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Console.log(`${((now - start) / 1000).toFixed(1).padStart(6)} s  ${mark}  ${text}`),
    )
  return {
    begin: (title: string) => Effect.suspend(() => Console.log(`\n${++step}. ${title}`)),
    /** Something that happens. */
    say: (text: string) => line("  ", text),
    /** Something that was checked. */
    ok: (text: string) => line("ok", text),
  }
})

/** The processes that were started and still run. */
const leftBehind = Effect.sync(() =>
  [...started].filter(([pid]) => {
    try {
      // Signal 0 does nothing; it fails if there is no such process.
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }),
)

const program = Effect.gen(function* () {
  yield* demo.pipe(Effect.scoped, Effect.provide(Child.layer))
  const left = yield* leftBehind
  yield* check(left.length === 0, `these processes are left behind: ${left.map((each) => each.join(" ")).join()}`)
  yield* Console.log("\nAll checks passed. No process is left behind.")
})

program.pipe(
  Effect.tapError((error) => Console.error(`\nThe demo failed: ${error.message}`)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
