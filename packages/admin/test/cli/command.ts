/** Runs of the command, as processes and in this process. */
import * as World from "../../../core/test/cluster/world.ts"
import { spawn } from "node:child_process"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Command from "../../src/cli/command.ts"
import * as Support from "../support.ts"

export const bin = path.join(import.meta.dirname, "../../src/cli/bin.ts")

/** Exit code and output of a run. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Program and arguments that run before those of the command, such as a shell. Defaults to Node with the command. */
  readonly program?: readonly [string, ...ReadonlyArray<string>]
  /** Text on the standard output after which `act` happens. */
  readonly after?: string
  /** Signal to send, or `close` to close the pipe of the standard output. */
  readonly act?: NodeJS.Signals | "close"
  /** Effect to run after `act`, such as another event. */
  readonly and?: Effect.Effect<void>
  /** Text on the standard output after which the process gets SIGINT. */
  readonly until?: string
}

/** Environment without settings of the machine that change the output. */
const environment = (): NodeJS.ProcessEnv => {
  const { FORCE_COLOR: _1, NO_COLOR: _2, COTERIE_ADMIN_TOKEN: _3, COTERIE_ADMIN_URL: _4, ...rest } = process.env
  return { ...rest, NODE_OPTIONS: "" }
}

/** Runs the command as a process and waits for its end. */
export const coterie = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const { act, after, and = Effect.void, env = {}, program = [process.execPath, bin], until } = options
    const [file, ...first] = program
    const child = spawn(file, [...first, ...args], {
      env: { ...environment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let out = ""
    let err = ""
    let isDone = false
    let interrupted = false
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text
      // Once: a second SIGINT ends the process without an exit code, as it should.
      if (!interrupted && until !== undefined && out.includes(until)) interrupted = child.kill("SIGINT")
      if (after === undefined || isDone || !out.includes(after)) return
      isDone = true
      if (act === "close") child.stdout.destroy()
      else if (act !== undefined) child.kill(act)
      Effect.runFork(and)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text
    })
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** Runs the command in this process, which is faster. */
export const inProcess = (args: ReadonlyArray<string>, showsColors = false): Effect.Effect<Ended> =>
  Effect.suspend(() => {
    let out = ""
    let err = ""
    let code = 0
    const run = Command.run({
      version: "0.0.0",
      args,
      print: (text) => {
        out += text
      },
      printError: (text) => {
        err += text
      },
      showsColors,
      interrupt: Effect.never,
      exit: (value) => {
        code = value
      },
    })
    return Effect.map(run, () => ({ code, out, err }))
  })

/** Starts nodes with links to each other, on real sockets, with an admin service and a server each. */
export const served = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const world = yield* World.tcp
  const nodes: Array<World.Node & { readonly name: string; readonly url: string }> = []
  for (const name of names) {
    const [first] = nodes
    const node = yield* world.node(name, first === undefined ? {} : { seeds: [first.address] })
    const { url } = yield* Support.served(node)
    nodes.push({ ...node, name, url })
  }
  for (const node of nodes) {
    yield* World.untilPeers(
      node,
      names.filter((name) => name !== node.name),
    )
  }
  return nodes
})
