import type { APIRequestContext } from '@playwright/test';
import { expect, newPhone, personOf, post, signIn, signInByCode, test } from './story.ts';
import { Inspection } from './support/accessible.ts';
import { addressesOf } from './support/addresses.ts';
import { dayFromToday } from './support/days.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';

test.describe.configure({ timeout: 300_000 });

interface Named {
  id: string;
  salesman?: { displayName: string } | null;
  consultant?: { displayName: string } | null;
}

/** Requests a consultation, and waits for both who serve it. */
async function consultationOf(customer: APIRequestContext, projectId: string): Promise<Named> {
  const desiredDate = dayFromToday(8);
  const body = { projectId, desiredDate, memo: '접근성' };
  let consultation = (await post(customer, '/api/consultations', body)) as Named;
  await expect
    .poll(async () => {
      const answer = await customer.get(`/api/consultations/${consultation.id}`);
      consultation = (await answer.json()) as Named;
      return consultation.salesman && consultation.consultant;
    })
    .toBeTruthy();
  return consultation;
}

test('the pages for everybody are accessible', async ({ page, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const inspection = await Inspection.of(page);
  for (const address of [
    '/',
    '/sign-in',
    '/sign-in/work',
    '/set-password',
    '/set-password#token',
    '/forbidden',
    '/customer',
    `/customer/projects/${programme.id}`,
  ]) {
    await inspection.visit(address);
  }
  inspection.expectRefusals();
  await inspection.visit('/not-there');
  expect(inspection.faults).toEqual([]);
});

test('the pages of customers are accessible', async ({ page, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const phone = newPhone();
  await matchCustomer(playwright.request, phone, programme);
  await signInByCode(page.request, phone);
  const { id } = await consultationOf(page.request, programme.id);
  const inspection = await Inspection.of(page);
  for (const address of addressesOf('customer', { projects: programme.id, consultations: id })) {
    await inspection.visit(address);
  }
  expect(inspection.faults).toEqual([]);
});

test('the pages of salesmen and consultants are accessible', async ({ newVisitor, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const customer = await newVisitor();
  await signInByCode(customer.request, newPhone());
  const consultation = await consultationOf(customer.request, programme.id);
  for (const role of ['salesman', 'consultant'] as const) {
    const page = await newVisitor();
    await signIn(page.request, personOf(role, consultation[role]?.displayName));
    const inspection = await Inspection.of(page);
    for (const address of addressesOf('salesman', { consultations: consultation.id })) {
      await inspection.visit(address);
    }
    expect.soft(inspection.faults, role).toEqual([]);
  }
});

test('the pages of staff are accessible', async ({ page, newVisitor, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const customer = await newVisitor();
  await signInByCode(customer.request, newPhone());
  const consultation = await consultationOf(customer.request, programme.id);
  await signIn(page.request, personOf('staff'));
  const people = await page.request.get('/api/salesmen?limit=1');
  const [salesman] = ((await people.json()) as { items: Named[] }).items;
  const plan = await page.request.post('/api/projects/imports?name=list.csv', {
    headers: {
      'Ktgg-Csrf': '1',
      'Idempotency-Key': crypto.randomUUID(),
      'Content-Type': 'application/octet-stream',
    },
    data: Buffer.from(
      '번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n1,수출,이름,,,,,,\n',
    ),
  });
  const ids = {
    projects: programme.id,
    consultations: consultation.id,
    salesmen: salesman?.id ?? '',
    imports: ((await plan.json()) as Named).id,
  };
  const inspection = await Inspection.of(page);
  for (const address of addressesOf('staff', ids)) await inspection.visit(address);
  expect(inspection.faults).toEqual([]);
});
