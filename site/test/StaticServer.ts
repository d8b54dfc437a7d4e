import type { AddressInfo } from "node:net"
import * as fs from "node:fs"
import * as http from "node:http"
import * as path from "node:path"

const types: { readonly [extension: string]: string } = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
}

/** Serves the files of a folder to this machine, as a host of static sites does. */
export class StaticServer {
  private readonly server: http.Server

  constructor(folder: string) {
    this.server = http.createServer(({ url = "/" }, response) => {
      const { pathname } = new URL(url, "http://localhost")
      const file = path.join(folder, pathname.endsWith("/") ? `${pathname}index.html` : pathname)
      if (!fs.existsSync(file)) return response.writeHead(404).end()
      response.setHeader("content-type", types[path.extname(file)] ?? "application/octet-stream")
      return fs.createReadStream(file).pipe(response)
    })
  }

  /** Listens on a free port, and returns the address of the site. */
  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${portOf(this.server.address())}`))
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }
}

const portOf = (address: string | AddressInfo | null): number => {
  if (address === null || typeof address === "string") throw new Error(`the server listens at ${address}`)
  return address.port
}
