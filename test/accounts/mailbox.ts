// Takes the mails of an app, as mail.url would, for tests.

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export class Mailbox {
  readonly mails: Mail[] = [];
  readonly #server = Bun.serve({
    port: 0, hostname: "127.0.0.1",
    fetch: async (request) => {
      this.mails.push(await request.json() as Mail);
      return new Response("sent");
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/send`;
  }

  /** The first one that comes to this address from `after` on. */
  async next(to: string, after = 0): Promise<Mail> {
    for (;;) {
      const found = this.mails.slice(after).find((mail) => mail.to === to);
      if (found !== undefined) return found;
      await Bun.sleep(5);
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

export function linkIn({ text }: Mail): string {
  return /https?:\/\/\S+/.exec(text)![0];
}
