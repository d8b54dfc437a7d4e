/** Runs of the command, as processes and in this process. */
import * as World from "../../../core/test/cluster/world.ts"
import { spawn } from "node:child_process"
import * as path from "node:path"
import * as Deferred from "effect/Deferred"
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
  /** Steps that happen once each, in this order. */
  readonly steps?: ReadonlyArray<Step>
}

/** Step of a test that happens when the standard output has a text. */
export interface Step {
  readonly after: string
  /** Signal to send, or `close` to close the pipe of the standard output. */
  readonly act?: NodeJS.Signals | "close"
  /** Effect to run after `act`, such as another event. */
  readonly and?: Effect.Effect<void>
}

/** Environment without settings of the machine that change the output. */
const environment = (): NodeJS.ProcessEnv => {
  const { FORCE_COLOR: _1, NO_COLOR: _2, COTERIE_ADMIN_TOKEN: _3, COTERIE_ADMIN_URL: _4, ...rest } = process.env
  return { ...rest, NODE_OPTIONS: "" }
}

/** Runs the command as a process and waits for its end. */
export const coterie = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const { env = {}, program = [process.execPath, bin], steps = [] } = options
    const left = [...steps]
    const [file, ...first] = program
    const child = spawn(file, [...first, ...args], {
      env: { ...environment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let out = ""
    let err = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text
      for (let [step] = left; step !== undefined && out.includes(step.after); [step] = left) {
        left.shift()
        if (step.act === "close") child.stdout.destroy()
        else if (step.act !== undefined) child.kill(step.act)
        if (step.and !== undefined) Effect.runFork(step.and)
      }
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text
    })
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

export interface InProcessOptions {
  readonly showsColors?: boolean
  /** Text on the standard output after which the command is interrupted, as by SIGINT. */
  readonly interruptAfter?: string
}

/** Runs the command in this process, which is faster. */
export const inProcess = (args: ReadonlyArray<string>, options: InProcessOptions = {}): Effect.Effect<Ended> =>
  Effect.suspend(() => {
    const { interruptAfter, showsColors = false } = options
    const interrupted = Deferred.makeUnsafe<void>()
    let out = ""
    let err = ""
    let code = 0
    const run = Command.run({
      version: "0.0.0",
      args,
      print: (text) => {
        out += text
        if (interruptAfter !== undefined && out.includes(interruptAfter)) Deferred.doneUnsafe(interrupted, Effect.void)
      },
      printError: (text) => {
        err += text
      },
      showsColors,
      interrupt: Deferred.await(interrupted),
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
