/**
 * The built site in a real browser. `pnpm docs:build` builds it; `pnpm docs:check` builds it and runs this test.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Browser, Page } from "../../packages/testkit/node_modules/playwright-core/index.js"
import { findChromium, isRequired, launch } from "../../packages/testkit/test/picture/chromium.ts"
import { StaticServer } from "./StaticServer.ts"

const dist = path.join(import.meta.dirname, "../dist")
const found = findChromium()

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map(([, match = ""]) => match)

describe("the links of the site", () => {
  it("lead to pages and anchors that exist", () => {
    const pages = new Map<string, { anchors: ReadonlySet<string>; links: ReadonlyArray<string> }>(
      fs.globSync("**/*.html", { cwd: dist }).map((name) => {
        const html = fs.readFileSync(path.join(dist, name), "utf8")
        const anchors = new Set(matches(html, /\sid="([^"]+)"/g))
        return [`/${name}`, { anchors, links: matches(html, /<a [^>]*?href="([^"]+)"/g) }] as const
      }),
    )
    assert.isAbove(pages.size, 50)
    const broken: Array<string> = []
    for (const [page, { links }] of pages) {
      for (const link of links.filter((link) => /^[/#]/.test(link))) {
        const [place = "", anchor] = link.split("#")
        const target = pages.get(place === "" ? page : place.replace(/\/$/, "/index.html"))
        if (target === undefined) broken.push(`${page}: ${link}`)
        else if (anchor !== undefined && !target.anchors.has(decodeURIComponent(anchor)))
          broken.push(`${page}: ${link}`)
      }
    }
    assert.deepStrictEqual(broken, [])
  })
})

describe("a Chromium", () => {
  it("is there where it is required", ({ skip }) => {
    if ("executable" in found) return
    if (isRequired) assert.fail(found.missing)
    const reason = `the site is not tested in a browser: ${found.missing}`
    // A reporter may leave out why a test is skipped.
    console.warn(reason)
    skip(reason)
  })
})

describe.skipIf("missing" in found)("the site", () => {
  const server = new StaticServer(dist)
  let origin = ""
  let browser: Browser

  beforeAll(async () => {
    origin = await server.listen()
    browser = await launch("executable" in found ? found.executable : "")
  })
  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  /** Opens a page of the site, and checks at the end that the browser reported no error and asked no other host. */
  const visit = async (place: string, use: (page: Page) => Promise<void>): Promise<void> => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" })
    const complaints: Array<string> = []
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(String(error)))
    page.on("requestfailed", (request) => complaints.push(`no answer: ${request.url()}`))
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(`${origin}/`))
        complaints.push(`another host: ${request.url()}`)
    })
    page.on("response", (response) => {
      if (!response.ok()) complaints.push(`${response.status()}: ${response.url()}`)
    })
    await page.goto(`${origin}${place}`)
    await use(page)
    assert.deepStrictEqual(complaints, [])
    await page.close()
  }

  /** Searches the site, and returns the results: the titles above a section and its own, in one text. */
  const search = async (page: Page, text: string): Promise<ReadonlyArray<string>> => {
    await page.locator(".VPNavBarSearch button").first().click()
    await page.locator(".VPLocalSearchBox input").fill(text)
    await page.locator(".VPLocalSearchBox .result").first().waitFor()
    return page.locator(".VPLocalSearchBox .result .titles").allInnerTexts()
  }

  const isDark = (page: Page) => page.evaluate(() => document.documentElement.classList.contains("dark"))

  it("begins with an introduction, from which the sidebar leads to the guide", () =>
    visit("/", async (page) => {
      assert.include(await page.title(), "Coterie")
      await page.locator(".VPSidebar").getByRole("link", { name: "Messages", exact: true }).click()
      await page.waitForURL(`${origin}/messages.html`)
      await page.getByRole("heading", { name: "Messages", level: 1 }).waitFor()
    }))

  it("finds a function of the reference, and follows the result", () =>
    visit("/", async (page) => {
      const [first = ""] = await search(page, "Topic.make")
      assert.include(first, "Topic.make")
      await page.locator(".VPLocalSearchBox .result").first().click()
      await page.waitForURL(`${origin}/api/core/Topic.html#make`)
      await page.locator("h3#make").waitFor()
    }))

  it("finds an option of a policy", () =>
    visit("/", async (page) => {
      const results = await search(page, "suspicionMin")
      assert.isTrue(
        results.some((result) => result.includes("FailureDetector")),
        results.join("\n"),
      )
    }))

  it("finds a word of the guide", () =>
    visit("/", async (page) => {
      const results = await search(page, "subscriber")
      assert.isAbove(results.length, 1)
    }))

  it("draws diagrams in the colors of the theme", () =>
    visit("/membership.html", async (page) => {
      const diagram = page.locator(".mermaid svg").first()
      await diagram.waitFor()
      assert.isAbove((await diagram.boundingBox())?.height ?? 0, 50)
      assert.isFalse(await isDark(page))
      const light = await diagram.innerHTML()
      await page.locator(".VPNavBar").getByRole("switch").first().click()
      assert.isTrue(await isDark(page))
      await page.waitForFunction((before) => document.querySelector(".mermaid svg")?.innerHTML !== before, light)
      assert.strictEqual(await page.locator("pre.mermaid").count(), 0)
    }))

  it("cuts off no label of a diagram", () =>
    visit("/membership.html", async (page) => {
      await page.locator(".mermaid svg").last().waitFor()
      const cut = await page.locator(".mermaid foreignObject").evaluateAll((labels) =>
        labels
          .filter((label) => {
            const text = label.firstElementChild
            // A pixel for rounding.
            return text !== null && text.getBoundingClientRect().height > label.getBoundingClientRect().height + 1
          })
          .map((label) => label.textContent),
      )
      assert.deepStrictEqual(cut, [])
      assert.isAbove(await page.locator(".mermaid foreignObject").count(), 5)
    }))

  it("leads from a page to other pages, and to the sources in the repository", () =>
    visit("/membership.html", async (page) => {
      const pages = page.locator("main").getByRole("link", { name: "Protocol", exact: true })
      assert.strictEqual(await pages.first().getAttribute("href"), "/protocol.html#11-membership")
      const link = page.locator("main").getByRole("link", { name: "packages/core/src/membership", exact: true })
      const href = await link.first().getAttribute("href")
      assert.match(href ?? "", /^https:.*\/tree\/main\/packages\/core\/src\/membership$/)
    }))
})
