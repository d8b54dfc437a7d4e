/**
 * Chat of any number of processes without a server. Each process sends its lines to all others.
 *
 *     npx -y pnpm@12 chat --name ann
 *     npx -y pnpm@12 chat --name bob --join 127.0.0.1:PORT
 *
 * With one secret in COTERIE_SECRET, and `--host 0.0.0.0`, the processes may run on several machines.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import type { Peer } from "@coterie/core/Peer"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Screens from "../support/Screen.ts"

/** Message of the chat. Other messages are reported as invalid, because any program may be at the other end. */
const Line = Schema.fromJsonString(Schema.Struct({ text: Schema.String, for: Schema.Literals(["all", "you"]) }))
const encodeLine = Schema.encodeSync(Line)
const decodeLine = Schema.decodeUnknownResult(Line)

interface Options {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly join: ReadonlyArray<string>
  readonly room: string
}

const chat = Effect.fnUntraced(function* ({ join, name, room }: Options) {
  const cluster = yield* Cluster.Cluster
  const screen = yield* Screens.make(`${name}> `)
  const self = yield* cluster.self
  const roomFlag = room === defaultRoom ? "" : ` --room ${JSON.stringify(room)}`
  yield* screen.print(`You are ${name} in the room "${room}", at ${self.addresses[0]}. To join you:`)
  yield* screen.print(`  npx -y pnpm@12 chat --name NAME --join ${self.addresses[0]}${roomFlag}`)
  yield* screen.print("A line goes to all members. Commands: /who, /msg NAME TEXT, /leave.")

  const told = new Set<string>()
  const tell = (event: ClusterEvent) => {
    if (event._tag === "SeedUnavailable") {
      if (told.has(event.address)) return Effect.void
      told.add(event.address)
    }
    const text = describe(event)
    return text === undefined ? Effect.void : screen.print(`* ${text}`)
  }

  const send = (text: string, to: string | undefined) => {
    if (to === undefined) {
      return Effect.flatMap(cluster.broadcast(encodeLine({ text, for: "all" })), ({ failed, sent }) =>
        sent.length === 0 && failed.length === 0
          ? screen.print("* nobody else is here, so the line was not sent")
          : Effect.forEach(failed, (error) => screen.print(`* ${error.message}`), { discard: true }),
      )
    }
    return cluster.send(to, encodeLine({ text, for: "you" }))
  }

  const who = Effect.flatMap(cluster.peers, (peers) =>
    peers.length === 0
      ? screen.print("* nobody else is here")
      : Effect.forEach(peers, (peer) => screen.print(`* ${whoIs(peer)}`), { discard: true }),
  )

  /** Executes the command of a line or sends the line. Returns `false` to leave. */
  const execute = Effect.fnUntraced(
    function* (line: string) {
      const [word = "", to] = line.trim().split(/\s+/)
      if (word === "") return true
      if (word === "/leave") return false
      if (word === "/who") yield* who
      else if (word === "/msg") {
        const text = line.trim().replace(/^\S+\s+\S+\s*/, "")
        if (to === undefined || text === "") yield* screen.print("* usage: /msg NAME TEXT")
        else yield* send(text, to)
      } else if (word.startsWith("/")) {
        yield* screen.print(`* unknown command ${word}; the commands are /who, /msg and /leave`)
      } else yield* send(line, undefined)
      return true
    },
    Effect.catchTag("SendError", (error) => Effect.as(screen.print(`* ${error.message}`), true)),
  )

  const typing = Stream.runDrain(Stream.takeWhile(Stream.mapEffect(screen.typed, execute), (stays) => stays))
  const hearing = Stream.runForEach(cluster.inbox, ({ from, text }) => {
    const line = decodeLine(text)
    if (Result.isFailure(line)) return screen.print(`* ${from.name} sent a message that is not a chat line`)
    return screen.print(`${from.name}${line.success.for === "you" ? " (only to you)" : ""}: ${line.success.text}`)
  })
  const joining = join.length === 0 ? Effect.void : cluster.join(join)

  yield* Effect.forkScoped(Stream.runForEach(cluster.events, tell))
  // The inbox ends when this node stops. A join fails only with errors that a retry cannot fix.
  yield* Effect.raceAllFirst([typing, hearing, Effect.andThen(joining, Effect.never)])
})

const whoIs = ({ addresses, link, name }: Peer): string =>
  `${name}, at ${addresses[0]}${link === "up" ? "" : ", not connected now"}`

const describe = (event: ClusterEvent): string | undefined => {
  switch (event._tag) {
    case "Joined":
      return `${event.peer.name} is here`
    case "Replaced":
      return `${event.peer.name} started again and is back`
    case "Left":
      return `${event.peer.name} left`
    case "Suspected":
      return `${event.peer.name} does not answer`
    case "Recovered":
      return `${event.peer.name} answers again`
    case "Failed":
      return `${event.peer.name} is gone: it stopped answering`
    case "SeedUnavailable":
      return `cannot join at ${event.address} yet: ${event.message}; trying again`
    case "Superseded":
      return "a newer process has your name, so this process stops"
    default:
      return undefined
  }
}

const defaultRoom = "chat"

const command = Command.make(
  "chat",
  {
    name: Flag.String("name").pipe(Flag.withDescription("Your name; no other member may have it")),
    host: Flag.String("host").pipe(
      Flag.withDescription("Interface to listen on; 0.0.0.0 listens on all, which needs a secret in COTERIE_SECRET"),
      Flag.withDefault("127.0.0.1"),
    ),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on; 0 picks a free one"), Flag.withDefault(0)),
    join: Flag.String("join").pipe(
      Flag.withDescription("Address of a member, HOST:PORT; repeat the flag, or separate addresses by commas"),
      Flag.atLeast(0),
      Flag.map((values) =>
        values
          .flatMap((value) => value.split(","))
          .map((value) => value.trim())
          .filter((value) => value !== ""),
      ),
    ),
    room: Flag.String("room").pipe(
      Flag.withDescription("Name of the room; members of other rooms do not meet"),
      Flag.withDefault(defaultRoom),
    ),
  },
  (options) =>
    chat(options).pipe(
      Effect.scoped,
      Effect.provide(
        Cluster.layer({ cluster: options.room, name: options.name }).pipe(
          Layer.provide(NodeTransport.layerFromEnv({ host: options.host, port: options.port })),
        ),
      ),
      // The screen shows the events, so the log would repeat them.
      Effect.provideService(References.MinimumLogLevel, "None"),
      Effect.mapError((error) => new CliError.UserError({ cause: error, userMessage: error.message })),
    ),
).pipe(Command.withDescription("A chat without a server"))

command.pipe(Command.run({ version: "0.0.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
