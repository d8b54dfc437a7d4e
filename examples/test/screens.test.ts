/** Runs the commands on the screens of docs/getting-started.md, and compares their output with it. */
import { Keyring } from "@coterie/node-transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Child from "../support/Child.ts"

const root = Path.join(import.meta.dirname, "../..")

/** A command that was entered, and the lines that it printed. */
interface Screen {
  readonly command: string
  readonly lines: ReadonlyArray<string>
}

/** Returns the commands of all console blocks. A block without a command has the lines of another run. */
const screensOf = (text: string): ReadonlyArray<Screen> =>
  [...text.matchAll(/```console\n([^]*?)```\n/g)].flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .filter((each) => each.trim() !== "")
      .map((each) => each.split("\n").filter((line) => line !== ""))
      .map((lines) =>
        lines[0]?.startsWith("[") === true
          ? { command: "", lines }
          : { command: lines[0] ?? "", lines: lines.slice(1) },
      ),
  )

/** Returns a line without the parts that differ from run to run. */
const shapeOf = (line: string): string =>
  line
    .replace(/^\[[\d:.]+\] /, "")
    .replace(/\(#\d+\)/, "(#)")
    .replace(/generation=\d+/, "generation=")
    .replace(/\d+\.\d+\.\d+\.\d+:\d+/g, "ADDRESS")
    .replace(/(accepts|tried) [\w-]{12}/, "$1 ID")

const screens = screensOf(Fs.readFileSync(Path.join(root, "docs/getting-started.md"), "utf8"))

/** Returns a screen of the page. */
const screen = (index: number): Screen => screens[index] ?? assert.fail(`the page has no screen ${index}`)

/** Starts a command of the page, in which some texts are replaced by others. */
const run = (name: string, { command }: Screen, replaced: Readonly<Record<string, string>>) => {
  const entered = Object.entries(replaced).reduce((text, [from, to]) => text.replaceAll(from, to), command)
  const [, variables = "", file = "", args = ""] =
    /^((?:\w+=\S+ )*)npx -y pnpm@12 exec node (\S+) (.*)$/.exec(entered) ?? []
  const env = Object.fromEntries(
    variables
      .split(" ")
      .filter((each) => each !== "")
      .map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)] as const),
  )
  return Child.spawn(name, Path.join(root, file), args.split(" "), { COTERIE_SECRET: "", COTERIE_HOST: "", ...env })
}

/** Waits until the program has printed the lines. */
const prints = (child: Child.Child, { lines }: Pick<Screen, "lines">) =>
  Effect.forEach(lines, (line) =>
    child.expect(shapeOf(line), (found) => (shapeOf(found) === shapeOf(line) ? true : undefined), {
      within: "40 seconds",
    }),
  )

const address = (child: Child.Child) =>
  child.expect("where it listens", (line) => / listens on (\S+)/.exec(line)?.[1], { within: "40 seconds" })

const idIn = (child: Child.Child) =>
  child.expect("the id of its secret", (line) => /accepts ([\w-]{12}) /.exec(line)?.[1])

/** Secret with this text. */
const secretOf = (text: string) => ({ text, id: Result.getOrThrow(Keyring.idOf(Redacted.make(text))) })

const testTimeout = 120_000

describe.concurrent("the screens of docs/getting-started.md", () => {
  it.live(
    "show two terminals",
    () =>
      Effect.gen(function* () {
        const ann = yield* run("ann", screen(0), { "24868": "0" })
        const bob = yield* run("bob", screen(1), { "127.0.0.1:24868": yield* address(ann) })
        yield* prints(ann, screen(0))
        yield* prints(bob, screen(1))
        yield* prints(ann, screen(2))
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )

  // Two addresses of the loopback are two machines. Only on Linux all of 127.0.0.0/8 is the loopback.
  it.live.skipIf(process.platform !== "linux")(
    "show two machines with one secret, and one with another secret",
    () =>
      Effect.gen(function* () {
        // Of this process alone, because the port of the commands is fixed.
        const host = (net: number) => `127.${net}.${(process.pid >> 8) & 255}.${process.pid & 255}`
        const [first, second] = [host(1), host(2)]
        const secret = secretOf("the-secret-of-both-machines-of-a-test")
        const other = secretOf("another-secret-of-no-machine-of-a-test")
        const machine = (host: string, { text } = secret) => ({
          "192.168.1.10": first,
          "0.0.0.0": host,
          "=SECRET": `=${text}`,
        })
        const ann = yield* run("ann", screen(3), machine(first))
        yield* address(ann)
        const eve = yield* run("eve", screen(4), machine(second, other))
        yield* prints(eve, screen(5))
        assert.deepStrictEqual(yield* idIn(eve), other.id)
        yield* eve.signal("SIGINT")

        const before = ann.mark()
        const bob = yield* run("bob", screen(4), machine(second))
        yield* prints(ann, screen(3))
        yield* prints(bob, screen(4))
        assert.deepStrictEqual([yield* idIn(ann), yield* idIn(bob)], [secret.id, secret.id])
        const joined = ann.since(0, (line) => (line.includes("bob joined") ? line : undefined))
        assert.deepStrictEqual(
          joined,
          ann.since(before, (line) => (line.includes("bob joined") ? line : undefined)),
        )
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})
