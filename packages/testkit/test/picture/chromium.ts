/**
 * Finds a Chromium for the tests of the picture. `COTERIE_CHROMIUM` sets its path. Without the variable the usual
 * places are searched. Without a Chromium the tests are skipped, or fail if `CI_REQUIRE_CHROMIUM` is set.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { chromium } from "playwright-core"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]

const places = (): ReadonlyArray<string> => [
  ...(process.env["PATH"] ?? "")
    .split(path.delimiter)
    .flatMap((folder) => (folder === "" ? [] : names.map((name) => path.join(folder, name)))),
  ...names.map((name) => path.join("/usr/bin", name)),
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
]

/** Returns the program, or the reason why there is none. */
export const findChromium = (): { readonly executable: string } | { readonly missing: string } => {
  const named = process.env["COTERIE_CHROMIUM"] ?? ""
  if (named !== "" && !fs.existsSync(named)) return { missing: `COTERIE_CHROMIUM is ${named}, which does not exist` }
  const executable = named === "" ? places().find((place) => fs.existsSync(place)) : named
  if (executable !== undefined) return { executable }
  return { missing: "no Chromium was found: install one, or set COTERIE_CHROMIUM to its path" }
}

export const isRequired = (process.env["CI_REQUIRE_CHROMIUM"] ?? "") !== ""

/** Starts the browser with settings that prevent its own network traffic. */
export const launch = (executablePath: string) =>
  chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  })
