import type { Page } from '@playwright/test';
import { expect, newPhone, personOf, signIn, signInByCode, test } from './story.ts';
import { Inspection } from './support/accessible.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';

test.describe.configure({ timeout: 300_000 });

/** No record has it. */
const UNKNOWN = '01900000-0000-7000-8000-000000000000';

/** Fails all reads of a service, as a fault of ours does. */
async function failReads(page: Page, service: string): Promise<void> {
  const problem = {
    type: '/problems/internal',
    title: '오류',
    status: 500,
    traceId: '0'.repeat(32),
  };
  await page.route(`**/api/${service}**`, (route) =>
    route.fulfill({ status: 500, contentType: 'application/problem+json', json: problem }),
  );
}

test('what customers meet besides full lists is accessible', async ({ page, playwright }) => {
  const programme = await openProgramme(playwright.request);
  await signInByCode(page.request, newPhone());
  const inspection = await Inspection.of(page);
  for (const empty of ['interests', 'consultations', 'notifications']) {
    await inspection.visit(`/customer/${empty}`);
  }
  await inspection.visit('/customer?q=아무것도없는말');

  await page.goto('/customer/me');
  await page.getByRole('button', { name: '내 기록 모두 지우기' }).click();
  await page.getByRole('button', { name: '모두 지우기', exact: true }).click();
  await expect(page.getByText('「지우기」라고 적어 주세요.')).toBeVisible();
  await inspection.inspect('erase sheet with an error');

  const request = `/customer/projects/${programme.id}/consultation`;
  await page.goto(request);
  await page.getByRole('button', { name: '상담 신청' }).click();
  await expect(page.getByText('원하는 날을 골라 주세요.').first()).toBeVisible();
  await inspection.inspect('request with an error');

  inspection.expectRefusals();
  await inspection.visit(`/customer/projects/${UNKNOWN}`);
  await inspection.visit('/staff');
  await failReads(page, 'interests');
  await page.goto('/customer/interests');
  await expect(page.getByRole('button', { name: '다시' })).toBeVisible();
  await inspection.inspect('interests that cannot be read');
  await page.unrouteAll();
  expect(inspection.faults).toEqual([]);
});

test('what salesmen meet besides full lists is accessible', async ({ page, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const salesman = await matchCustomer(playwright.request, newPhone(), programme);
  await signIn(page.request, salesman);
  const inspection = await Inspection.of(page);
  await inspection.visit('/salesman/visit-card?region=제주&category=기타&target=없는대상');
  await inspection.visit('/salesman/visit-card?region=부산');
  await inspection.visit(`/salesman/enter?kind=consultation&project=${programme.id}`);
  await page.getByRole('button', { name: '상담 신청', exact: true }).click();
  await expect(page.getByText('고객이 동의해야 등록할 수 있어요.').first()).toBeVisible();
  await inspection.inspect('entering with errors');
  await page.goto('/salesman/customers');
  await page.getByRole('button', { name: '전화 보기' }).first().click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await inspection.inspect('phone sheet');
  inspection.expectRefusals();
  await inspection.visit(`/salesman/consultations/${UNKNOWN}`);
  await failReads(page, 'consultations');
  await inspection.visit('/salesman/consultations');
  await page.unrouteAll();
  expect(inspection.faults).toEqual([]);
});

test('what staff meet besides full lists is accessible', async ({ page, playwright }) => {
  const programme = await openProgramme(playwright.request);
  const staff = personOf('staff');
  await signIn(page.request, staff);
  const inspection = await Inspection.of(page);
  await inspection.visit('/staff/projects?q=아무것도없는말');
  await page.goto('/staff/projects/new');
  await page.getByRole('button', { name: '사업 만들기' }).click();
  await expect(page.getByText('꼭 적어 주세요.').first()).toBeVisible();
  await inspection.inspect('new programme with errors');
  await page.goto('/staff/accounts');
  await page.getByRole('button', { name: '관리자 초대' }).click();
  await inspection.inspect('invitation sheet');
  await page.goto(`/staff/projects/${programme.id}`);
  await page.getByRole('button', { name: '종료', exact: true }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await inspection.inspect('end sheet');
  inspection.expectRefusals();
  await inspection.visit(`/staff/projects/${UNKNOWN}`);
  await failReads(page, 'salesmen');
  await inspection.visit('/staff/salesmen');
  await page.unrouteAll();

  await page.goto(`/staff/projects/${programme.id}/edit`);
  await page.getByLabel('수행기관').fill('기관');
  await page.context().clearCookies();
  await page.getByRole('button', { name: '저장', exact: true }).click();
  await expect(page.getByRole('dialog', { name: '다시 로그인해 주세요' })).toBeVisible();
  await inspection.inspect('signed out over a form');
  expect(inspection.faults).toEqual([]);
});
