/** Paths of a simulated disk. */

/** Returns the absolute path without `.`, `..` and doubled slashes. A relative path counts from the root. */
export const absolute = (path: string): string => {
  const parts: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return `/${parts.join("/")}`
}

/** Returns the directory of an absolute path. */
export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")))
