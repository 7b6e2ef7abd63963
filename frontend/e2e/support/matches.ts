import type { APIRequest } from '@playwright/test';
import { expect, personOf, post, signInByCode } from '../story.ts';
import type { Person } from '../system.ts';

/**
 * Marks a programme for a number, and waits for the salesman who serves this customer from then on:
 * who would be chosen for a new customer depends on everybody else's work.
 */
export async function matchCustomer(
  requests: APIRequest,
  phone: string,
  programme: { id: string; name: string },
): Promise<Person> {
  const request = await requests.newContext({ baseURL: process.env['KTGG_URL'] ?? '' });
  await signInByCode(request, phone);
  const { id, name } = programme;
  const interest = await post(request, '/api/interests', { projectId: id, projectName: name });
  const path = `/api/interests/${(interest as { id: string }).id}`;
  let salesman = '';
  await expect
    .poll(async () => {
      const body: unknown = await (await request.get(path)).json();
      return (salesman = (body as Matched).salesman?.displayName ?? '');
    })
    .not.toBe('');
  await request.dispose();
  return personOf('salesman', salesman);
}

interface Matched {
  salesman?: { displayName: string } | null;
}
