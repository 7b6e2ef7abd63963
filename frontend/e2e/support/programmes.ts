import type { APIRequest } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { personOf, signIn } from '../story.ts';
import { dayFromToday } from './days.ts';

/** A programme as the server has it. */
export interface Programme {
  id: string;
  name: string;
  version: number;
}

/** What to create it with, instead of what is common. */
interface Fields {
  name: string;
  category: string;
  regions: string[];
  target: string;
}

/** A programme of one story alone, which customers can apply for now. */
export async function openProgramme(
  requests: APIRequest,
  fields: Partial<Fields> = {},
): Promise<Programme> {
  const request = await requests.newContext({ baseURL: process.env['KTGG_URL'] ?? '' });
  await signIn(request, personOf('staff'));
  const period = { startsOn: dayFromToday(-3), endsOn: dayFromToday(21) };
  const data = {
    name: `이야기 지원사업 ${randomUUID().slice(0, 8)}`,
    year: Number(dayFromToday(0).slice(0, 4)),
    category: '경영',
    agency: '중소벤처기업부',
    period,
    ...fields,
  };
  const created = await request.post('/api/projects', { headers: headers(), data });
  if (!created.ok()) throw new Error(await created.text());
  const { id, version } = (await created.json()) as Programme;
  const started = await request.post(`/api/projects/${id}/start`, {
    headers: { ...headers(), 'If-Match': `"${String(version)}"` },
  });
  if (!started.ok()) throw new Error(await started.text());
  const programme = (await started.json()) as Programme;
  await request.dispose();
  return programme;
}

function headers(): Record<string, string> {
  return { 'Ktgg-Csrf': '1', 'Idempotency-Key': randomUUID() };
}
