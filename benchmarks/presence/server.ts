/** A redis-server of its own: on a free port, without persistence, until the scope ends. */
import * as Child from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import * as Children from "../harness/children.ts"
import { Failed } from "../harness/Process.ts"
import { host } from "../harness/sockets.ts"

const program = "redis-server"

export interface Spent {
  /** Time of the processor in microseconds. */
  readonly cpu: number
  /** Bytes that the server has read and written. */
  readonly bytes: number
  /** Bytes of memory in use. */
  readonly memory: number
}

export interface Server {
  readonly address: string
  readonly spent: Effect.Effect<Spent, Failed>
}

/** Returns the version of the installed server. Fails if there is none. */
export const version: Effect.Effect<string, Failed> = Effect.suspend(() => {
  const { error, stdout } = Child.spawnSync(program, ["--version"], { encoding: "utf8" })
  return error === undefined
    ? Effect.succeed(/v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim())
    : Effect.fail(
        new Failed({
          message: `${program} is not on the path: install it, or use --systems coterie (${error.message})`,
        }),
      )
})

const freePort = async (): Promise<number> => {
  const server = Net.createServer().listen(0, host)
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (typeof address !== "object" || address === null) throw new Error("the socket has no port")
  return address.port
}

const failed = (error: unknown): Failed => new Failed({ message: `${program}: ${String(error)}` })

/** Starts the server. It publishes keys that expire. */
export const start: Effect.Effect<Server, Failed, Scope.Scope> = Effect.gen(function* () {
  const port = yield* Effect.tryPromise({ try: freePort, catch: failed })
  const options = ["--bind", host, "--port", String(port), "--save", "", "--appendonly", "no"]
  const args = [...options, "--notify-keyspace-events", "Ex"]
  // It keeps nothing, so it needs no time to end.
  yield* Children.scoped(() => Child.spawn(program, args, { stdio: "ignore" }), 0)
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const redis = new Redis({ host, port })
      // It connects again until the server listens. A command fails after 20 attempts, within 11 seconds.
      redis.on("error", () => {})
      return redis
    }),
    (redis) => Effect.sync(() => redis.disconnect()),
  )
  yield* Effect.tryPromise({ try: () => redis.ping(), catch: failed })
  return {
    address: `${host}:${port}`,
    spent: Effect.map(Effect.tryPromise({ try: () => redis.info("all"), catch: failed }), read),
  }
})

/** Reads the lines `name:value` of INFO. */
const read = (info: string): Spent => {
  const fields = new Map(info.split("\r\n").map((line) => [line.split(":")[0], Number(line.split(":")[1])]))
  const of = (name: string): number => fields.get(name) ?? Number.NaN
  return {
    cpu: (of("used_cpu_user") + of("used_cpu_sys")) * 1e6,
    bytes: of("total_net_input_bytes") + of("total_net_output_bytes"),
    memory: of("used_memory"),
  }
}
