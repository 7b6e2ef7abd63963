import type { RouteRecordRaw } from 'vue-router';

export const staffRoutes: RouteRecordRaw = {
  path: '/staff',
  component: () => import('./StaffShell.vue'),
  meta: { roles: ['staff'] },
  children: [
    { path: '', component: () => import('./dashboard/Dashboard.vue') },
    { path: 'projects', component: () => import('./projects/Projects.vue') },
    { path: 'projects/new', component: () => import('./projects/NewProject.vue') },
    { path: 'projects/overdue', component: () => import('./projects/EndOverdue.vue') },
    { path: 'projects/:id', component: () => import('./projects/ProjectView.vue') },
    { path: 'projects/:id/edit', component: () => import('./projects/EditProject.vue') },
    { path: 'imports', component: () => import('./imports/Imports.vue') },
    { path: 'imports/:id', component: () => import('./imports/ImportDetail.vue') },
    { path: 'unassigned', component: () => import('./unassigned/Unassigned.vue') },
    { path: 'consultations', component: () => import('./consultations/Consultations.vue') },
    {
      path: 'consultations/:id',
      component: () => import('./consultations/ConsultationDetail.vue'),
    },
    { path: 'interests', component: () => import('./interests/Interests.vue') },
    { path: 'enter', component: () => import('./interests/EnterForCustomer.vue') },
    { path: 'salesmen', component: () => import('./salesmen/Salesmen.vue') },
    { path: 'salesmen/new', component: () => import('./salesmen/RegisterSalesman.vue') },
    { path: 'salesmen/:id', component: () => import('./salesmen/SalesmanDetail.vue') },
    { path: 'accounts', component: () => import('./accounts/Accounts.vue') },
    { path: 'audit', component: () => import('./audit/Audit.vue') },
    { path: 'me', component: () => import('./me/Me.vue') },
  ],
};
