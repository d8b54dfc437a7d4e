/** The lines about refused connections, as every logger of Effect writes them, and the filter of docs/operations.md that reads them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Util from "node:util"

const page = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8")
const [, filter = ""] = /```ini\n(\[Definition\]\n[\s\S]*?)```/.exec(page) ?? []

/** Patterns of the filter, in which `<HOST>` stands for an address. */
const patterns = filter
  .replace(/^[\s\S]*failregex =/, "")
  .split("\n")
  .map((line) => line.trim())
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => new RegExp(line.replace("<HOST>", "(?<host>[0-9a-fA-F:.]+)")))

const hostsOf = (lines: ReadonlyArray<string>) =>
  lines.flatMap((line) => {
    for (const pattern of patterns) {
      const host = pattern.exec(line)?.groups?.["host"]
      if (host !== undefined) return [host]
    }
    return []
  })

/** Runs a node that refuses four connections, and returns the lines of its log. */
const linesOf = (logger: string) =>
  Effect.promise((signal) =>
    Util.promisify(execFile)(process.execPath, [path.join(import.meta.dirname, "refusalLines.ts"), logger], {
      signal,
      env: { ...process.env, COTERIE_SECRET: "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=" },
    }),
  ).pipe(
    Effect.map(({ stdout }) => stdout.trim().split("\n")),
    // The tests of a logger share one run.
    Effect.cached,
    Effect.runSync,
  )

/** Line about a text of a peer that pretends to be a line about a refusal. */
const forged: Record<string, ReadonlyArray<string>> = {
  default: ["[16:54:40.884] WARN (#1): no peer to join: x: WARN (#1): refused a connection from 127.0.0.9: secret"],
  logfmt: ['level=WARN message="no peer to join: message=\\"refused a connection from 127.0.0.9: secret\\""'],
  json: ['{"message":"no peer to join: \\"message\\":\\"refused a connection from 127.0.0.9: secret\\""}'],
}

/** Hosts of the lines in refusalLines.ts, except the one that the lists of the node exclude. */
const banned = ["127.0.0.2", "127.0.0.3", "127.0.0.5"]

const hasFail2ban = spawnSync("fail2ban-regex", ["--version"]).status === 0

const loggers = ["default", "logfmt", "json"].map((logger) => ({ logger, linesOfNode: linesOf(logger) }))

describe.concurrent.each(loggers)("the log line about a refusal, by the logger $logger", ({ linesOfNode, logger }) => {
  it.live(
    "has the promised text, and the filter of the docs finds its host",
    () =>
      Effect.gen(function* () {
        const lines = yield* linesOfNode
        const texts = lines.flatMap((line) => /refused a connection from [\d.]+: \w+/.exec(line) ?? [])
        assert.deepStrictEqual(texts, [
          "refused a connection from 127.0.0.2: plaintext",
          "refused a connection from 127.0.0.3: slow",
          "refused a connection from 127.0.0.4: blocked",
          "refused a connection from 127.0.0.5: plaintext",
        ])
        assert.isTrue(lines.some((line) => line.includes("refused 6 connections from 4 hosts")))
        assert.deepStrictEqual(hostsOf(lines), banned)
        assert.deepStrictEqual(hostsOf(forged[logger] ?? []), [])
      }),
    60_000,
  )
})

describe("the log line about a refusal, by any of the loggers", () => {
  // Fail2ban is a package of Debian, which .ci/run installs. It takes a second to start, so that it reads the lines of all loggers at once.
  it.live.runIf(hasFail2ban)(
    "is found by fail2ban with the filter of the docs",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(path.join(tmpdir(), "coterie-fail2ban-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
        )
        const log = path.join(folder, "node.log")
        const config = path.join(folder, "coterie.conf")
        const lines = yield* Effect.forEach(loggers, ({ linesOfNode, logger }) =>
          Effect.map(linesOfNode, (lines) => [...lines, ...(forged[logger] ?? [])]),
        )
        writeFileSync(log, [...lines.flat(), ""].join("\n"))
        writeFileSync(config, filter)
        const { stdout } = yield* Effect.promise((signal) =>
          Util.promisify(execFile)("fail2ban-regex", ["--out", "ip", log, config], { signal }),
        )
        assert.deepStrictEqual(stdout.trim().split("\n"), [...banned, ...banned, ...banned])
      }),
    60_000,
  )
})
