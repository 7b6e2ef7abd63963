import type { APIRequestContext } from '@playwright/test';
import { expect, personOf, post } from '../story.ts';
import type { Person } from '../system.ts';
import type { Programme } from './programmes.ts';

/**
 * Marks a programme as a customer who is signed in, and waits for the salesman who serves this
 * customer from then on.
 */
export async function findSalesman(
  customer: APIRequestContext,
  programme: Programme,
): Promise<Person> {
  const created = await post(customer, '/api/interests', {
    projectId: programme.id,
    projectName: programme.name,
  });
  const path = `/api/interests/${(created as { id: string }).id}`;
  let name = '';
  await expect
    .poll(async () => {
      const answer = await customer.get(path);
      const { salesman } = (await answer.json()) as { salesman?: { displayName: string } | null };
      return (name = salesman?.displayName ?? '');
    })
    .not.toBe('');
  return personOf('salesman', name);
}
