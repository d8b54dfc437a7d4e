#!/usr/bin/env node
/**
 * The command `coterie-sim`, and the threads in which it runs simulations.
 *
 * Chance is made the same before Effect or a scenario is loaded, which is why they are imported below and not above:
 * Effect gives functions that are keys of a HashMap a hash from `Math.random` when they are first used, mostly while
 * modules load. The order of such a map would be another one in each process, and the same seed another run.
 */
import * as module from "node:module"
import { isMainThread } from "node:worker_threads"
import * as Prng from "../kernel/Prng.ts"

// Half of what the command takes to start is to compile Effect; threads do it once more.
module.enableCompileCache?.()

const chance = Prng.make(0, "modules")
Math.random = () => chance.next()

/** What npm would have installed, if it were not optional. */
const peer = "@effect/platform-node"

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(peer)

/** The first version that runs TypeScript by itself. */
const oldest = [22, 19] as const
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(`coterie-sim needs Node ${oldest.join(".")} or later; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else if (isMainThread) {
  try {
    const { main } = await import("./main.ts")
    main(new URL(import.meta.url))
  } catch (error) {
    if (!isMissing(error)) throw error
    process.stderr.write(`coterie-sim needs ${peer}, which is not installed: npm install --save-dev ${peer}\n`)
    process.exitCode = 2
  }
} else {
  await import("./worker.ts")
}
