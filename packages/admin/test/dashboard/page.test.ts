/** The dashboard in a real browser: with the admin service of real nodes, and with imagined reports. */
import * as World from "../../../core/test/cluster/world.ts"
import { findChromium, isRequired, launch } from "../../../testkit/test/picture/chromium.ts"
import type { Report } from "@coterie/admin"
import type { Described } from "@coterie/core/NodeComponents"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as NodeFs from "node:fs"
import { createRequire } from "node:module"
import * as NodePath from "node:path"
import type { Browser, BrowserContext, BrowserContextOptions, Page, Request } from "playwright-core"
import * as Support from "../support.ts"
import { cluster, row } from "../rows.ts"
import * as FakeAdmin from "./fakeAdmin.ts"

const found = findChromium()

/** Time for a test on a busy machine. The browser needs most of it. */
const timeout = 60_000

/** Folder for the pictures of the documentation. Absent in a usual run, because fonts differ between machines. */
const pictures = process.env["COTERIE_SCREENSHOTS"]

const axe = NodeFs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

/** Messages of the browser about failed requests, which some tests provoke. */
const failedRequest = /^Failed to load resource/

const hostile = `<img src=x onerror=alert(1)>\u202e"'&`

describe("a Chromium", () => {
  it("exists if it is required", ({ skip }) => {
    if ("executable" in found) return
    if (isRequired) assert.fail(found.missing)
    const reason = `the dashboard is not tested in a browser: ${found.missing}`
    // Not every reporter shows the reason of a skipped test.
    console.warn(reason)
    skip(reason)
  })
})

describe.skipIf("missing" in found)("the dashboard", () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await launch("executable" in found ? found.executable : "")
  }, timeout)
  afterAll(() => browser.close())

  /** Runs a test with a browser context, and checks that no page of it complained or went to another origin. */
  const inBrowser = async (
    use: (context: BrowserContext) => Promise<void>,
    options: BrowserContextOptions = {},
  ): Promise<void> => {
    const context = await browser.newContext({ viewport: { width: 1_280, height: 900 }, ...options })
    const complaints: Array<string> = []
    const origins = new Set<string>()
    context.on("console", (message) => complaints.push(message.text()))
    context.on("weberror", (error) => complaints.push(String(error.error())))
    context.on("dialog", (dialog) => {
      complaints.push(dialog.message())
      void dialog.dismiss()
    })
    context.on("request", (request) => origins.add(new URL(request.url()).origin))
    try {
      await use(context)
      assert.deepStrictEqual(
        complaints.filter((text) => !failedRequest.test(text)),
        [],
      )
      assert.isAtMost([...origins].filter((origin) => origin !== "null").length, 1)
    } finally {
      await context.close()
    }
  }

  const textOf = (page: Page, selector: string) => page.locator(selector).innerText()
  const count = (page: Page, selector: string) => page.locator(selector).count()

  /** Waits until so many elements match. A page shows less while a member has not answered. */
  const untilCount = (page: Page, selector: string, expected: number) =>
    page.waitForFunction(([selector, expected]) => document.querySelectorAll(selector).length === expected, [
      selector,
      expected,
    ] as const)

  /** Waits until the sentence about the cluster contains the text. */
  const untilVerdict = (page: Page, text: string) => page.locator(".verdict", { hasText: text }).waitFor({ timeout })

  /** Returns the violations of accessibility rules. */
  const violations = async (page: Page, part = "html"): Promise<ReadonlyArray<string>> => {
    // Not a script element: the policy of the page forbids it.
    await page.evaluate(axe)
    return page.evaluate(async (part) => {
      const run: unknown = await Reflect.get(window, "axe").run(part)
      const { violations } = run as {
        violations: ReadonlyArray<{ id: string; nodes: ReadonlyArray<{ html: string }> }>
      }
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`)
    }, part)
  }

  /** Hides or shows the tab, as a change to another tab does. A browser without a window shows every tab. */
  const setVisibility = (page: Page, state: DocumentVisibilityState) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, value: state })
      document.dispatchEvent(new Event("visibilitychange"))
    }, state)

  /** Lets two seconds pass on the clock of the page, so that it asks again. */
  const pollAgain = async (page: Page) => {
    const answer = page.waitForResponse((response) => response.url().endsWith("/v1/self"))
    await page.clock.runFor(2_000)
    await (await answer).finished()
  }

  /** Shows the shared state, and waits until a table of it has the caption. */
  const showState = async (page: Page, caption: string) => {
    await page.getByRole("button", { name: "Show the shared state" }).click()
    await page.locator("caption", { hasText: caption }).first().waitFor({ timeout })
  }

  const isScrolledSideways = (page: Page) =>
    page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)

  const stateSection = "[aria-labelledby=state-title]"

  describe("with real nodes", () => {
    const scenario = (title: string, body: (world: World.World) => Effect.Effect<void, unknown, Scope.Scope>) =>
      it.live(title, () => Effect.scoped(Effect.flatMap(World.tcp, body)), timeout)

    scenario("shows the cluster, and what happens to a killed node", ({ node }) =>
      Effect.gen(function* () {
        const a = yield* node("a")
        const others = [yield* node("b", { seeds: [a.address] }), yield* node("c", { seeds: [a.address] })]
        for (const other of others) yield* Support.admin(other)
        yield* World.untilPeers(a, ["b", "c"])
        const { url } = yield* Support.served(a)
        yield* Effect.promise(() =>
          inBrowser(async (context) => {
            const page = await context.newPage()
            a.cluster.components.add({ kind: "map", name: "jobs", describe: () => ({ facts: { ownEntries: 7 } }) })
            await page.goto(url)
            await untilVerdict(page, "one cluster of 3; every pair has a link")
            await showState(page, "map")
            assert.strictEqual(await textOf(page, `${stateSection} tbody`), "jobs\t7")
            await untilCount(page, ".grid .cell.up", 6)
            await untilCount(page, "[aria-labelledby=members-title] tbody tr", 3)
            await untilCount(page, ".mesh line.both", 3)
            await page.locator(".log tr", { hasText: "Snapshot" }).waitFor()
            await Effect.runPromise(others[1]?.crash ?? Effect.void)
            await page.locator(".log tr", { hasText: "Failed" }).filter({ hasText: "c" }).waitFor({ timeout })
            await untilVerdict(page, "one cluster of 2")
          }),
        )
      }),
    )

    scenario("says that the service is lost, and continues when it is back", ({ node }) =>
      Effect.gen(function* () {
        const { a } = yield* World.pair({ node })
        const first = yield* Support.served(a)
        yield* Effect.promise(() =>
          inBrowser(async (context) => {
            const page = await context.newPage()
            await page.goto(first.url)
            await page.locator(".log tr", { hasText: "Snapshot" }).waitFor()
            await Effect.runPromise(first.stop)
            await page.locator("[role=alert]", { hasText: "The event stream is lost" }).waitFor({ timeout })
            await page.locator("[role=alert]", { hasText: "No report since" }).waitFor({ timeout })
            await Effect.runPromise(
              Effect.scoped(
                Effect.andThen(
                  Support.served(a, { port: Number(new URL(first.url).port) }),
                  Effect.promise(() => page.locator("[role=alert]").first().waitFor({ state: "detached", timeout })),
                ),
              ),
            )
          }),
        )
      }),
    )

    scenario("ends its stream while the tab is hidden, and then continues after the last event", ({ node }) =>
      Effect.gen(function* () {
        const a = yield* node("a")
        const { url } = yield* Support.served(a)
        yield* Effect.promise(() =>
          inBrowser(async (context) => {
            const page = await context.newPage()
            const isStream = (request: Request) => request.url().endsWith("/v1/events")
            const opened: Array<string | undefined> = []
            page.on("request", (request) => {
              if (isStream(request)) opened.push(request.headers()["last-event-id"])
            })
            await page.goto(url)
            await page.locator(".log tr", { hasText: "Snapshot" }).waitFor()
            const ended = page.waitForEvent("requestfailed", isStream)
            await setVisibility(page, "hidden")
            await ended
            // This happens while nobody reads.
            await Effect.runPromise(a.cluster.updateMetadata({ zone: "two" }))
            await setVisibility(page, "visible")
            await page.locator(".log tr", { hasText: "SelfChanged" }).waitFor({ timeout })
            assert.strictEqual(opened.length, 2)
            assert.isUndefined(opened[0])
            assert.match(opened[1] ?? "", /^\d+-\d+$/)
            // The stream continued: it did not begin again with a snapshot.
            assert.strictEqual(await page.locator(".log tbody tr").count(), 2)
            assert.strictEqual(await count(page, "[role=alert]"), 0)
          }),
        )
      }),
    )

    scenario("asks for a token, and keeps it only if it is asked to", ({ node }) =>
      Effect.gen(function* () {
        const token = "read-0123456789abcdef"
        const { url } = yield* Support.served(yield* node("a"), {
          tokens: [{ role: "read", token: Redacted.make(token) }],
        })
        yield* Effect.promise(() =>
          inBrowser(async (context) => {
            const page = await context.newPage()
            const stored = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))
            await page.goto(url)
            await page.locator(".token").waitFor()
            assert.deepStrictEqual(await violations(page), [])
            await page.getByLabel("Token", { exact: true }).fill("wrong-0123456789")
            await page.keyboard.press("Enter")
            await page.locator(".token [role=alert]", { hasText: "wrong" }).waitFor()
            await page.getByLabel("Token", { exact: true }).fill(token)
            await page.getByRole("button", { name: "Use the token" }).click()
            await untilVerdict(page, "one node, alone")
            assert.notInclude(await stored(), token)
            await page.reload()
            await page.getByLabel("Token", { exact: true }).fill(token)
            await page.getByLabel("Keep it").check()
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await untilVerdict(page, "one node, alone")
            await page.reload()
            await untilVerdict(page, "one node, alone")
            await page.getByRole("button", { name: "Forget the token" }).click()
            await page.locator(".token").waitFor()
            assert.notInclude(await stored(), token)
          }),
        )
      }),
    )
  })

  const names = ["shop-0", "shop-1", "shop-2", "shop-3", "shop-4"]
  const cutReport = FakeAdmin.reportOf(
    cluster(names, { "shop-2>shop-3": "ai", "shop-3>shop-2": "ai" }, { "shop-2": { through: { 2: "shop-1" } } }),
  )

  /** The components of a node with users. Its peers `shop-1` and `shop-2` lack steps. */
  const components = (behind = 12): ReadonlyArray<Described> => [
    {
      kind: "map",
      name: "presence/users",
      facts: { ownEntries: 812, ownBytes: 41_062, otherEntries: 1_604, otherBytes: 81_100, behind },
      rows: [
        { peer: "shop-1", state: "live", entries: 801, bytes: 40_550, behind: 3 },
        { peer: "shop-2", state: "live", entries: 803, bytes: 40_550, behind },
        { peer: "shop-3", state: "stale", entries: 0, bytes: 0 },
      ],
    },
    {
      kind: "placement",
      name: "encoders",
      facts: { keys: 2, mine: 1 },
      rows: [
        { key: "video 1", ownership: "mine", owner: "shop-0" },
        { key: "video 2", ownership: "other", owner: "shop-1" },
      ],
    },
    { kind: "presence", name: "users", facts: { keys: 2_398, leaving: 3 } },
  ]

  it(
    "names the pair without a link in the sentence, the matrix and the picture",
    () =>
      inBrowser(async (context) => {
        const { page } = await FakeAdmin.open(context, { report: cutReport })
        assert.include(
          await textOf(page, ".verdict"),
          "▲ warning one cluster of 5; shop-2 and shop-3 do not reach each other",
        )
        assert.strictEqual(await textOf(page, "h1"), "Coterie shop")
        await untilCount(page, ".grid .cell.indirect", 2)
        assert.strictEqual(await textOf(page, '[data-at="2-3"]'), "◐")
        await untilCount(page, ".mesh line.none", 1)
        assert.include(await textOf(page, ".problems"), "shop-2 reaches shop-3 only through shop-1")
      }),
    timeout,
  )

  it(
    "is usable with the keyboard alone",
    () =>
      inBrowser(async (context) => {
        const { page } = await FakeAdmin.open(context, { report: cutReport })
        const label = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "")
        await page.getByLabel("Order").focus()
        await page.keyboard.press("Tab")
        assert.strictEqual(await label(), "shop-0 itself")
        for (const key of ["ArrowDown", "ArrowDown", "End", "ArrowLeft"]) await page.keyboard.press(key)
        assert.strictEqual(await label(), "◐ shop-2 reaches shop-3 only through shop-1")
        assert.strictEqual(await textOf(page, "#focused-cell"), await label())
        // The matrix is one stop.
        await page.keyboard.press("Tab")
        assert.isFalse(await page.evaluate(() => document.activeElement?.classList.contains("cell") ?? false))
      }),
    timeout,
  )

  for (const colorScheme of ["light", "dark"] as const) {
    it(
      `has no violation of accessibility rules, and fits a narrow screen, in ${colorScheme} colors`,
      () =>
        inBrowser(
          async (context) => {
            const { page } = await FakeAdmin.open(context, { report: cutReport, components })
            await page.locator(".plot canvas").first().waitFor()
            await showState(page, "map")
            await page.getByRole("button", { name: "presence/users" }).click()
            await page.locator("caption", { hasText: "map presence/users" }).waitFor()
            assert.deepStrictEqual(await violations(page), [])
            await page.setViewportSize({ width: 320, height: 700 })
            assert.isFalse(await isScrolledSideways(page))
            // The tables scroll now.
            assert.deepStrictEqual(await violations(page, stateSection), [])
          },
          { colorScheme },
        ),
      timeout,
    )
  }

  it(
    "shows 100 members as a picture with the same keyboard, and the pairs without a link as text",
    () =>
      inBrowser(async (context) => {
        const many = Array.from({ length: 100 }, (_, i) => `n${String(i).padStart(3, "0")}`)
        const report = FakeAdmin.reportOf(cluster(many, { "n001>n002": "ad", "n002>n001": "ad" }))
        const { page } = await FakeAdmin.open(context, { report })
        assert.strictEqual(await count(page, ".grid"), 0)
        assert.strictEqual(await count(page, ".mesh"), 0)
        const canvas = page.getByRole("application", { name: "Matrix of the links of 100 members" })
        await canvas.focus()
        for (const key of ["ArrowDown", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key)
        await page.locator("#focused-cell", { hasText: "○ n001 does not reach n002" }).waitFor()
        assert.include(await textOf(page, ".problems"), "n002 does not reach n001")
        // The color of the cell, and its mark.
        const pixels = await canvas.evaluate((element) => {
          const context = element instanceof HTMLCanvasElement ? element.getContext("2d") : null
          const [x, y, width] = [6, 0, 12]
          const data = context?.getImageData(x, y, width, 12).data ?? new Uint8ClampedArray()
          const at = (x: number, y: number) => [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 4)].join()
          return [at(4, 4), at(10, 10)]
        })
        assert.notStrictEqual(pixels[0], pixels[1])
        assert.deepStrictEqual(await violations(page, ".links"), [])
      }),
    timeout,
  )

  it(
    "shows hostile names and events as text",
    () =>
      inBrowser(async (context) => {
        const rows = [row(hostile, { b: "au" }), row("b", { [hostile]: "ad" }, { phase: hostile, version: hostile })]
        const peer = { name: hostile, link: hostile }
        const events =
          FakeAdmin.event(1, "Joined", { _tag: "Joined", peer }) +
          FakeAdmin.event(2, "Diagnostic", { _tag: "Diagnostic", message: hostile }) +
          "id: 1-3\nevent: Broken\ndata: {\n\n"
        const component = {
          kind: hostile,
          name: hostile,
          facts: { [hostile]: hostile },
          rows: [{ [hostile]: hostile }],
        }
        const { page } = await FakeAdmin.open(context, {
          report: FakeAdmin.reportOf(rows),
          events,
          components: () => [component],
        })
        await page.locator(".log tr", { hasText: "Diagnostic" }).waitFor()
        await showState(page, "img")
        await page.locator(`${stateSection} th button`).click()
        await page.locator(`${stateSection} .log td, ${stateSection} .log tbody th`).waitFor()
        const shown = String.raw`<img src=x onerror=alert(1)>\u{202e}"'&`
        const tables = ["[aria-labelledby=members-title]", "[aria-labelledby=events-title]"]
        const stateTables = [`${stateSection} .scroll >> nth=0`, `${stateSection} .scroll.log`]
        for (const place of [".verdict", ".grid", ".problems", ...tables, ...stateTables]) {
          const text = await textOf(page, place)
          assert.include(text, shown, place)
          assert.notInclude(text, "\u202e", place)
        }
        assert.include(await textOf(page, "[aria-labelledby=events-title]"), "not readable")
        assert.strictEqual(await count(page, "img"), 0)
      }),
    timeout,
  )

  it(
    "shows the latest events of a burst, filters them, and can pause",
    () =>
      inBrowser(async (context) => {
        const events = Array.from({ length: 2_000 }, (_, i) =>
          FakeAdmin.event(i, "Joined", { _tag: "Joined", peer: { name: `peer-${i}`, link: "up" } }),
        ).join("")
        const { page } = await FakeAdmin.open(context, { report: cutReport, events })
        await page.locator(".log tr", { hasText: "peer-1999" }).first().waitFor()
        assert.strictEqual(await count(page, ".log tbody tr"), 300)
        await page.getByRole("button", { name: "Pause" }).click()
        await page.getByLabel("Filter").fill("PEER-1998")
        assert.isAtLeast(await count(page, ".log tbody tr"), 1)
        assert.include(await textOf(page, ".log tbody tr >> nth=0"), "peer-1998")
      }),
    timeout,
  )

  it(
    "plots the last five minutes from what it has seen",
    () =>
      inBrowser(
        async (context) => {
          const peer = (at: number, i: number): Report.PeerReport => ({
            ...FakeAdmin.peerOf(names[i] ?? ""),
            connection: FakeAdmin.linkOf(2_048 * at * (20 + i) + 4_096 * (at % 5)),
          })
          const selfAt = (at: number): Report.NodeReport => ({
            ...FakeAdmin.selfOf("shop-0"),
            uptimeMillis: 600_000 + 2_000 * at,
            lagMillis: 2 + (at % 7) + (at === 30 ? 12 : 0),
            peers: [1, 2, 3, 4].map((i) => peer(at, i)),
          })
          const events =
            FakeAdmin.event(1, "Snapshot", { view: { peers: names.slice(1) } }) +
            FakeAdmin.event(2, "Unreachable", { peer: { name: "shop-3", link: "indirect" } })
          const start = 1_767_260_000_000
          const { page } = await FakeAdmin.open(context, { report: cutReport, events, selfAt, clock: start })
          const polls = 60
          for (let i = 0; i < polls; i++) await pollAgain(page)
          await page.clock.runFor(1_000)
          assert.strictEqual(await count(page, "[role=alert]"), 0)
          const plot = (title: string) => page.locator(`[role=img][aria-label^="${title}"]`)
          assert.strictEqual(
            await plot("Round trips").getAttribute("aria-label"),
            "Round trips, ms: median 0.5, highest 0.5",
          )
          assert.match((await plot("Bytes").getAttribute("aria-label")) ?? "", /in \d+\.\d, out \d+\.\d$/)
          assert.strictEqual(await page.locator(".plot canvas").count(), 4)
          if (pictures !== undefined) await page.screenshot({ path: NodePath.join(pictures, "dashboard.png") })
        },
        { viewport: { width: 1_360, height: 930 } },
      ),
    timeout,
  )

  it(
    "asks for the shared state only while it is shown, and shows the rows of a component",
    () =>
      inBrowser(async (context) => {
        let behind = 12
        const { asked, page } = await FakeAdmin.open(context, {
          report: cutReport,
          components: () => components(behind),
          clock: 1_767_260_000_000,
        })
        const questions = () => asked.filter((path) => path.startsWith("/v1/state"))
        const firstCells = (table: string) => page.locator(`${stateSection} ${table} tbody th`).allInnerTexts()
        await page.getByRole("button", { name: "Show the shared state" }).waitFor()
        for (let i = 0; i < 4; i++) await pollAgain(page)
        assert.deepStrictEqual(questions(), [])
        await showState(page, "map")
        assert.deepStrictEqual(await firstCells("table"), ["presence/users", "encoders", "users"])
        assert.include(await textOf(page, stateSection), "own entries")
        assert.include(await textOf(page, stateSection), "40 KiB")
        assert.deepStrictEqual([...new Set(questions())], ["/v1/state?rows=0"])
        const map = page.getByRole("button", { name: "presence/users" })
        await map.focus()
        await page.keyboard.press("Enter")
        await page.locator("caption", { hasText: "map presence/users" }).waitFor()
        assert.include(questions(), "/v1/state?kind=map&name=presence%2Fusers&rows=1000")
        assert.deepStrictEqual(await firstCells(".log"), ["shop-3", "shop-2", "shop-1"])
        await page.getByLabel("Filter rows").fill("SHOP-2")
        await page.locator(`${stateSection} .log tbody td`, { hasText: "12" }).waitFor()
        assert.deepStrictEqual(await firstCells(".log"), ["shop-2"])
        behind = 0
        for (let i = 0; i < 2; i++) await pollAgain(page)
        await page.locator(`${stateSection} .log tbody td`, { hasText: /^0$/ }).waitFor()
        // The rows of one component replace those of another one.
        await page.getByRole("button", { name: "encoders" }).click()
        await page.locator("caption", { hasText: "placement encoders" }).waitFor()
        assert.deepStrictEqual(await firstCells(".log"), ["video 1", "video 2"])
        await page.getByRole("button", { name: "Hide the shared state" }).click()
        await page.locator(`${stateSection} table`).first().waitFor({ state: "detached" })
        const before = questions().length
        for (let i = 0; i < 4; i++) await pollAgain(page)
        assert.strictEqual(questions().length, before)
      }),
    timeout,
  )

  it(
    "shows a bounded part of the shared state, and says how much it leaves out",
    () =>
      inBrowser(async (context) => {
        const peers = Array.from({ length: 1_000 }, (_, i) => ({ peer: `peer ${i}`, state: "live", behind: 0 }))
        const keys = Array.from({ length: 100_000 }, (_, i) => ({ key: `key ${i}`, ownership: "mine", owner: "a" }))
        const rooms = Array.from({ length: 2_000 }, (_, i) => ({
          kind: "presence",
          name: `room ${i}`,
          facts: { keys: i },
        }))
        const large = [
          { kind: "map", name: "jobs", facts: { behind: 0 }, rows: peers },
          { kind: "placement", name: "customers", facts: { keys: keys.length }, rows: keys },
          ...rooms,
        ]
        const { page } = await FakeAdmin.open(context, { report: cutReport, components: () => large })
        const section = page.locator(stateSection)
        await showState(page, "map")
        assert.strictEqual(await section.locator("tbody tr").count(), 100)
        assert.include(await section.innerText(), "1902 more are not shown.")
        await section.getByLabel("Filter", { exact: true }).fill("customers")
        await page.getByRole("button", { name: "customers" }).click()
        await page.locator("caption", { hasText: "placement customers" }).waitFor()
        assert.strictEqual(await section.locator(".log tbody tr").count(), 100)
        assert.include(
          await section.innerText(),
          "900 more rows match and are not shown. 99000 more rows are not in the report.",
        )
        await section.getByLabel("Filter rows").fill("key 998")
        await section.locator(".log tbody th", { hasText: "key 998" }).waitFor()
        assert.strictEqual(await section.locator(".log tbody tr").count(), 1)
      }),
    timeout,
  )

  it(
    "asks for no report while the tab is hidden",
    () =>
      inBrowser(async (context) => {
        const { page } = await FakeAdmin.open(context, { report: cutReport, clock: 1_767_260_000_000 })
        let asked = 0
        page.on("request", (request) => {
          if (request.url().endsWith("/v1/cluster")) asked++
        })
        await pollAgain(page)
        await setVisibility(page, "hidden")
        const before = asked
        await page.clock.runFor(60_000)
        assert.strictEqual(asked, before)
        const next = page.waitForResponse((response) => response.url().endsWith("/v1/self"))
        await setVisibility(page, "visible")
        await next
        assert.strictEqual(asked, before + 1)
      }),
    timeout,
  )

  it(
    "changes between the light and the dark colors",
    () =>
      inBrowser(
        async (context) => {
          const { page } = await FakeAdmin.open(context, { report: cutReport })
          const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
          const light = await background()
          await page.getByRole("button", { name: "Use dark colors" }).click()
          await page.getByRole("button", { name: "Use light colors" }).waitFor()
          const dark = await background()
          assert.notStrictEqual(dark, light)
          await page.getByRole("button", { name: "Use light colors" }).click()
          await page.getByRole("button", { name: "Use dark colors" }).waitFor()
          assert.strictEqual(await background(), light)
          // The first choice is that of the system.
          await page.emulateMedia({ colorScheme: "dark" })
          await page.reload()
          await page.getByRole("button", { name: "Use light colors" }).waitFor()
          assert.strictEqual(await background(), dark)
        },
        { colorScheme: "light" },
      ),
    timeout,
  )

  it(
    "asks the service below the path of the page, and says that an earlier version has no shared state to show",
    () =>
      inBrowser(async (context) => {
        const { asked, page } = await FakeAdmin.open(context, { report: cutReport, path: "/coterie" })
        assert.include(asked, "/coterie/v1/cluster")
        await page.getByRole("button", { name: "Show the shared state" }).click()
        await page.locator(`${stateSection} [role=alert]`, { hasText: "earlier version" }).waitFor()
        assert.notInclude(await textOf(page, stateSection), "Waiting")
        assert.include(asked, "/coterie/v1/state?rows=0")
      }),
    timeout,
  )

  it(
    "orders the matrix by the problems of the members",
    () =>
      inBrowser(async (context) => {
        const { page } = await FakeAdmin.open(context, { report: cutReport, metadata: { zone: "west" } })
        assert.deepStrictEqual(await page.getByLabel("Order").locator("option").allInnerTexts(), [
          "by name",
          "worst first",
          "by zone",
        ])
        await page.getByLabel("Order").selectOption("worst")
        assert.deepStrictEqual((await page.locator(".grid tbody th").allInnerTexts()).slice(0, 2), ["shop-2", "shop-3"])
      }),
    timeout,
  )
})
