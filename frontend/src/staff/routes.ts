import type { RouteRecordRaw } from 'vue-router';
import { language } from '@/texts/texts';
import { staffTexts } from './texts';

/** The title of a view, as its entry of the menu has it. */
const titled = (key: keyof typeof staffTexts.ko) => ({
  title: () => staffTexts[language.value][key],
});

export const staffRoutes: RouteRecordRaw = {
  path: '/staff',
  component: () => import('./StaffShell.vue'),
  meta: { roles: ['staff'] },
  children: [
    { path: '', component: () => import('./dashboard/Dashboard.vue'), meta: titled('dashboard') },
    {
      path: 'projects',
      component: () => import('./projects/Projects.vue'),
      meta: titled('projects'),
    },
    {
      path: 'projects/new',
      component: () => import('./projects/NewProject.vue'),
      meta: titled('projects'),
    },
    {
      path: 'projects/overdue',
      component: () => import('./projects/EndOverdue.vue'),
      meta: titled('projects'),
    },
    {
      path: 'projects/:id',
      component: () => import('./projects/ProjectView.vue'),
      meta: titled('projects'),
    },
    {
      path: 'projects/:id/edit',
      component: () => import('./projects/EditProject.vue'),
      meta: titled('projects'),
    },
    { path: 'imports', component: () => import('./imports/Imports.vue'), meta: titled('imports') },
    {
      path: 'imports/:id',
      component: () => import('./imports/ImportDetail.vue'),
      meta: titled('imports'),
    },
    {
      path: 'unassigned',
      component: () => import('./unassigned/Unassigned.vue'),
      meta: titled('unassigned'),
    },
    {
      path: 'consultations',
      component: () => import('./consultations/Consultations.vue'),
      meta: titled('consultations'),
    },
    {
      path: 'consultations/:id',
      component: () => import('./consultations/ConsultationDetail.vue'),
    },
    {
      path: 'interests',
      component: () => import('./interests/Interests.vue'),
      meta: titled('interests'),
    },
    {
      path: 'enter',
      component: () => import('@/salesman/visit-card/EnterForCustomer.vue'),
      meta: titled('interests'),
    },
    {
      path: 'salesmen',
      component: () => import('./salesmen/Salesmen.vue'),
      meta: titled('salesmen'),
    },
    {
      path: 'salesmen/new',
      component: () => import('./salesmen/RegisterSalesman.vue'),
      meta: titled('salesmen'),
    },
    {
      path: 'salesmen/:id',
      component: () => import('./salesmen/SalesmanDetail.vue'),
      meta: titled('salesmen'),
    },
    {
      path: 'accounts',
      component: () => import('./accounts/Accounts.vue'),
      meta: titled('accounts'),
    },
    { path: 'audit', component: () => import('./audit/Audit.vue'), meta: titled('audit') },
    { path: 'me', component: () => import('./me/Me.vue') },
  ],
};
