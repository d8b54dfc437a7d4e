#!/usr/bin/env node
/** Program of the command `coterie`. */
import * as module from "node:module"

// Compiling Effect takes half of the start of the command.
module.enableCompileCache?.()

/** Optional peer dependency, which npm does not install by itself. */
const peer = "@effect/platform-node"

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(peer)

/** First version of Node that runs TypeScript without a flag. */
const oldest = [22, 19] as const
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  process.stderr.write(`coterie needs Node ${oldest.join(".")} or later; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else {
  try {
    const { main } = await import("./main.ts")
    main()
  } catch (error) {
    if (!isMissing(error)) throw error
    process.stderr.write(`coterie needs ${peer}, which is not installed: npm install --save-dev ${peer}\n`)
    process.exitCode = 2
  }
}
