#!/usr/bin/env node
/**
 * Program of the command `coterie-sim` and of the threads in which it runs simulations.
 *
 * This module replaces `Math.random` before it imports Effect or a scenario. Effect takes the hash of a function that
 * is a key of a HashMap from `Math.random` when the hash is first used, mostly while modules load. With the real
 * `Math.random`, the order of such a map, and so the run of a seed, would differ between processes.
 */
import * as module from "node:module"
import { isMainThread } from "node:worker_threads"
import * as Prng from "../kernel/Prng.ts"

// Compiling Effect takes half of the start of the command, and each thread compiles it again.
module.enableCompileCache?.()

const chance = Prng.make(0, "modules")
Math.random = () => chance.next()

/** Optional peer dependency, which npm does not install by itself. */
const peer = "@effect/platform-node"

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(peer)

/** First version of Node that runs TypeScript without a flag. */
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
