import { serveControl } from './control.ts';
import { System } from './system.ts';

/**
 * Starts one system for all stories. Their processes get its addresses and people by environment
 * variables; `story.ts` reads them.
 *
 * @returns what stops it.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const system = await System.start();
  const control = await serveControl(system);
  process.env['KTGG_URL'] = system.url;
  process.env['KTGG_INBOX'] = system.inbox;
  process.env['KTGG_CONTROL'] = control.url;
  process.env['KTGG_PEOPLE'] = JSON.stringify(system.people);
  return async () => {
    control.stop();
    await system.stop();
  };
}
