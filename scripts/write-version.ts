/**
 * Writes the versions of packages into their sources after `changeset version` has changed them. These packages do not
 * read their package.json, because they also run in browsers.
 *
 *     pnpm release:version
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "./lib/command.ts"
import { readManifest } from "./lib/packs.ts"

const files = {
  "packages/admin": "src/internal/version.ts",
  "packages/testkit": "src/version.ts",
}

for (const [folder, name] of Object.entries(files)) {
  const file = path.join(root, folder, name)
  const { version } = readManifest(folder)
  const text = fs.readFileSync(file, "utf8")
  fs.writeFileSync(file, text.replace(/version = "[^"]*"/, `version = ${JSON.stringify(version)}`))
}
