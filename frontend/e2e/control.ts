import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Action, Part, System } from './system.ts';

/**
 * Serves the actions on a system to the processes of the stories: `POST /ACTION/PART` and `POST
 * /restore`, answered with 204, or with 500 and the error.
 *
 * @returns its URL.
 */
export async function serveControl(system: System): Promise<{ url: string; stop: () => void }> {
  const server = createServer((request, response) => {
    const [action, part] = (request.url ?? '').split('/').slice(1);
    const done =
      action === 'restore' ? system.restore() : system.perform(action as Action, part as Part);
    done.then(
      () => response.writeHead(204).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Stops, kills, freezes and starts parts of the system from a story. */
export const control = {
  /** Returns when it is done; after `start`, when the part is ready. */
  perform: (action: Action, part: Part): Promise<void> => post(`/${action}/${part}`),
  /** Starts all parts that do not run. */
  restore: (): Promise<void> => post('/restore'),
};

async function post(path: string): Promise<void> {
  const answer = await fetch(`${process.env['KTGG_CONTROL'] ?? ''}${path}`, { method: 'POST' });
  if (!answer.ok) throw new Error(await answer.text());
}
