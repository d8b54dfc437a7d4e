/**
 * Demo with three processes on this machine, which share a secret. They connect and exchange messages, one is killed
 * and starts again, and one leaves. A fourth process has another secret and is not admitted. Every step is checked.
 * The exit code is 0 if all checks pass.
 *
 *     npx -y pnpm@12 demo
 *     npx -y pnpm@12 demo --dashboard
 *
 * With `--dashboard`, each peer serves a dashboard, and the demo goes on after its steps until Ctrl-C.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as Child from "../support/Child.ts"
import * as Peers from "./Peers.ts"

/** Time for which the demo watches the port of the peer that left. Redials would begin within two seconds. */
const watchTime = "3 seconds"

class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", { message: Schema.String }) {}

const check = (holds: boolean, message: string) => (holds ? Effect.void : Effect.fail(new CheckFailed({ message })))

const makeSecret = () => Crypto.randomBytes(32).toString("base64")

/** Secret of the cluster. */
const secret = makeSecret()

const withDashboard = process.argv.slice(2).includes("--dashboard")

/** All started processes by id. */
const started = new Map<number, string>()

const demo = Effect.gen(function* () {
  const { begin, ok, say } = yield* narrator

  const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>, withSecret = secret) {
    const peer = yield* Peers.start(name, seeds, withSecret, { dashboard: withDashboard })
    started.set(peer.pid, name)
    yield* say(`${name} listens on ${peer.address} (process ${peer.pid})`)
    return peer
  })

  yield* begin("Three processes with one secret connect over TLS. b and c have only the address of a.")
  const a = yield* start("a", [])
  const [b, c] = yield* Effect.all([start("b", [a.address]), start("c", [a.address])], { concurrency: "unbounded" })
  yield* Peers.lists(a, [b, c])
  yield* Peers.lists(b, [a, c])
  yield* Peers.lists(c, [a, b])
  yield* ok("a lists b and c, b lists a and c, c lists a and b; every pair has a link")

  if (withDashboard) yield* say(`dashboard of a: ${yield* Peers.dashboardOf(a)}`)

  yield* begin("A fourth process has another secret, and the address of a.")
  const d = yield* start("d", [a.address], makeSecret())
  yield* Peers.awaitRefusal(d, a, "unauthenticated")
  yield* ok("d reports that a does not accept its secret (unauthenticated)")
  yield* d.hangUp
  yield* d.ended
  for (const peer of [a, b, c]) {
    const events = peer.since(
      0,
      Peers.report("Event", (each) => each.peer === "d"),
    )
    yield* check(events.length === 0, `${peer.name} reported d, which has another secret`)
  }
  yield* ok("a, b and c never listed d")

  const hello = "Hello, world!"
  yield* begin("a broadcasts.")
  const { to } = yield* Peers.command(a, { _tag: "Broadcast", text: hello })
  yield* check([...to].sort().join() === "b,c", `a sent to [${to.join()}] instead of b and c`)
  yield* say(`a sent "${hello}" to b and c`)
  yield* Peers.hears(b, "a", hello)
  yield* ok(`the inbox of b: "${hello}" from a`)
  yield* Peers.hears(c, "a", hello)
  yield* ok(`the inbox of c: "${hello}" from a`)

  const whisper = "This is for you alone."
  yield* begin("b sends to c, directly.")
  yield* Peers.command(b, { _tag: "Send", to: "c", text: whisper })
  yield* Peers.hears(c, "b", whisper)
  yield* ok(`the inbox of c: "${whisper}" from b`)
  // Messages of b to a arrive in order, so a would have received the first one before this message.
  yield* Peers.command(b, { _tag: "Send", to: "a", text: "Done." })
  yield* Peers.hears(a, "b", "Done.")
  const overheard = a.since(
    0,
    Peers.report("Message", ({ text }) => text === whisper),
  )
  yield* check(overheard.length === 0, "a got the message that was for c")
  yield* ok("a did not get it")

  yield* begin("c is killed (SIGKILL) and cannot leave.")
  const fromKill = { from: a.mark(), within: "15 seconds" } as const
  const fromKillAtB = { from: b.mark(), within: "15 seconds" } as const
  yield* c.signal("SIGKILL")
  yield* say("c has ended; a and b redial it and suspect it until a timeout")
  yield* Peers.awaitEvent(a, "Failed", "c", fromKill)
  yield* Peers.awaitEvent(b, "Failed", "c", fromKillAtB)
  yield* Peers.lists(a, [b], fromKill)
  yield* Peers.lists(b, [a], fromKillAtB)
  yield* ok("a and b report that c failed, and no longer list it")

  yield* begin("c starts again under its name on any free port.")
  const [fromA, fromB] = [{ from: a.mark() }, { from: b.mark() }]
  const again = yield* start("c", [a.address])
  yield* Peers.lists(a, [b, again], fromA)
  yield* Peers.lists(b, [a, again], fromB)
  yield* Peers.lists(again, [a, b])
  const back = [yield* Peers.awaitEvent(a, "Replaced", "c", fromA), yield* Peers.awaitEvent(b, "Replaced", "c", fromB)]
  yield* check(
    again.generation > c.generation && back.every(({ generation }) => generation === again.generation),
    `the generation of c was ${c.generation} and is ${again.generation}; a and b report ${back.map((event) => event.generation).join()}`,
  )
  yield* ok(`a and b list c again with the new generation ${again.generation}; the old one was ${c.generation}`)
  yield* ok("every pair has a link again")

  yield* begin("b gets SIGTERM and leaves.")
  const [beforeA, beforeC] = [a.mark(), again.mark()]
  yield* b.signal("SIGTERM")
  yield* Peers.awaitEvent(a, "Left", "b", { from: beforeA })
  yield* Peers.awaitEvent(again, "Left", "b", { from: beforeC })
  yield* Peers.lists(a, [again], { from: beforeA })
  yield* Peers.lists(again, [a], { from: beforeC })
  yield* ok("a and c report that b left")
  yield* say(`the demo listens on ${b.address}, the address of b, for ${watchTime}`)
  const calls = yield* Effect.scoped(countCalls(b.address))
  yield* check(calls === 0, `${b.address} was dialed ${calls} times after b had left`)
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
    yield* check(after.length === 0, `${peer.name} reported b after it had left: ${after.join(", ")}`)
  }
  yield* ok("it was not dialed, and a and c reported nothing more about b")
  if (!withDashboard) return

  yield* begin("b starts again, and all three continue until Ctrl-C.")
  yield* start("b", [a.address])
  yield* say(`dashboard of a: ${yield* Peers.dashboardOf(a)}`)
  yield* say(`its part "Shared state" has the processes, and the owner of each of eight jobs`)
  yield* say(`kill a process to see what the others report, for example: kill -9 ${again.pid}`)
  yield* Effect.never
})

/** Listens at the address of a former peer for {@link watchTime} and returns the number of connections. */
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

/** Makes functions that print the steps with the seconds since the start. */
const narrator = Effect.gen(function* () {
  const start = yield* Clock.currentTimeMillis
  let step = 0
  const line = (mark: string, text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Console.log(`${((now - start) / 1000).toFixed(1).padStart(6)} s  ${mark}  ${text}`),
    )
  return {
    begin: (title: string) => Effect.suspend(() => Console.log(`\n${++step}. ${title}`)),
    /** Prints an event. */
    say: (text: string) => line("  ", text),
    /** Prints a passed check. */
    ok: (text: string) => line("ok", text),
  }
})

/** Returns the started processes that still run. */
const leftBehind = Effect.sync(() =>
  [...started].filter(([pid]) => {
    try {
      // Signal 0 has no effect and fails if the process does not exist.
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }),
)

const program = Effect.gen(function* () {
  yield* demo.pipe(Effect.scoped, Effect.provide(Child.layer))
  const left = yield* leftBehind
  yield* check(left.length === 0, `these processes still run: ${left.map((each) => each.join(" ")).join()}`)
  yield* Console.log("\nAll checks passed. All processes have ended.")
})

program.pipe(
  Effect.tapError((error) => Console.error(`\nThe demo failed: ${error.message}`)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
)
