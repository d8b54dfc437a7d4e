import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "../..")

/** Lints a source as a file of the repository. Returns the violated rules by line. */
const lint = (file: string, text: string): ReadonlyArray<string> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-lint-"))
  try {
    fs.copyFileSync(path.join(root, ".oxlintrc.json"), path.join(folder, ".oxlintrc.json"))
    fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), text)
    const oxlint = path.join(root, "node_modules/oxlint/bin/oxlint")
    const { stdout } = spawnSync(process.execPath, [oxlint, "--format=unix", file], { cwd: folder, encoding: "utf8" })
    return [...stdout.matchAll(/:(\d+):\d+: .*\((.*)\)\]$/gm)]
      .map(([, line, rule]) => `${line} ${rule}`)
      .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const ambient = [
  "export const a = Date.now()",
  "export const b = new Date()",
  "export const c = performance.now()",
  "export const d = setTimeout(() => {}, 1)",
  "export const e = setInterval(() => {}, 1)",
  "export const f = setImmediate(() => {})",
  "export const g = crypto.randomUUID()",
  "export const h = process.env",
  "export const i = globalThis.Date",
  "export const j = Math.random()",
  "export const { random } = Math",
].join("\n")

describe("the lint rules", () => {
  it("keep ambient time and chance out of core", () => {
    assert.deepStrictEqual(lint("packages/core/src/link/Link.ts", ambient), [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((line) => `${line} no-restricted-globals`),
      ...[10, 11].map((line) => `${line} no-restricted-properties`),
    ])
  })

  it("allow them in the one adapter, and in the transport for Node", () => {
    assert.deepStrictEqual(lint("packages/core/src/Entropy.ts", ambient), [])
    assert.deepStrictEqual(lint("packages/node-transport/src/NodeTransport.ts", ambient), [])
  })

  it("keep Node out of core, and out of the testkit except its rooms for Node", () => {
    const source = [
      'import * as fs from "node:fs"',
      'import type { Socket } from "net"',
      "export const use = (_: Socket) => fs",
    ].join("\n")
    const rules = ["1 no-nodejs-modules", "2 no-nodejs-modules"]
    assert.deepStrictEqual(lint("packages/core/src/Bad.ts", source), rules)
    assert.deepStrictEqual(lint("packages/testkit/src/Bad.ts", source), rules)
    assert.deepStrictEqual(lint("packages/testkit/src/run/vitest.ts", source), rules)
    assert.deepStrictEqual(lint("packages/testkit/src/cli/good.ts", source), [])
    assert.deepStrictEqual(lint("packages/testkit/src/node/good.ts", source), [])
    assert.deepStrictEqual(lint("packages/testkit/src/vitest.ts", source), [])
    assert.deepStrictEqual(lint("packages/node-transport/src/Good.ts", source), [])
  })

  it("reject any, non-null assertions, and disabled lints without the name of the rule", () => {
    const source = [
      "export const a = (x: any) => x",
      "export const b = (x?: string) => x!",
      "// oxlint-disable-next-line",
      "export const c = 1",
    ].join("\n")
    assert.deepStrictEqual(lint("packages/core/src/Bad.ts", source), [
      "1 no-explicit-any",
      "2 no-non-null-assertion",
      "3 no-abusive-eslint-disable",
    ])
  })
})
