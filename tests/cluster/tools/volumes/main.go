// Volumes makes a folder for each claim of a one-node cluster and hands it out as a local volume.
//
// The provisioner inside kube-controller-manager makes folders with mode 0750 that only root can write to; pods of the
// restricted Pod Security level are never root. Folders made here are writable by any user, like a fresh volume with
// an fsGroup is on a cloud.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const provisionerName = "pyairtable.dev/folder"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file with the cluster's address and this program's identity")
	root := flag.String("root", "", "folder that holds one folder per volume")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *kubeconfig, *root); err != nil {
		klog.ErrorS(err, "cannot serve volumes")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func serve(ctx context.Context, kubeconfig, root string) error {
	if !filepath.IsAbs(root) {
		return fmt.Errorf("--root is %q: it must be an absolute path", root)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("--kubeconfig %q: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	controller.NewProvisionController(ctx, client, provisionerName, folders{root: root},
		controller.LeaderElection(false)).Run(ctx)
	return nil
}

type folders struct{ root string }

// Provision makes the folder; a second call for the same claim gives the same volume.
func (f folders) Provision(_ context.Context, options controller.ProvisionOptions) (*core.PersistentVolume, controller.ProvisioningState, error) {
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf("storage class %q binds at once: it must say volumeBindingMode: WaitForFirstConsumer", options.StorageClass.Name)
	}
	path := filepath.Join(f.root, options.PVName)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// The process's umask takes bits from MkdirAll, never from Chmod.
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return volume(options, path), controller.ProvisioningFinished, nil
}

// Delete removes the folder with all that is in it.
func (f folders) Delete(_ context.Context, pv *core.PersistentVolume) error {
	if pv.Spec.Local == nil || !strings.HasPrefix(filepath.Clean(pv.Spec.Local.Path), f.root+string(filepath.Separator)) {
		return fmt.Errorf("volume %q has no folder under %q", pv.Name, f.root)
	}
	return os.RemoveAll(pv.Spec.Local.Path)
}

func volume(options controller.ProvisionOptions, path string) *core.PersistentVolume {
	onThisNode := core.NodeSelectorRequirement{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{options.SelectedNodeName}}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: options.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			MountOptions:                  options.StorageClass.MountOptions,
			Capacity:                      core.ResourceList{core.ResourceStorage: options.PVC.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{
				NodeSelectorTerms: []core.NodeSelectorTerm{{MatchExpressions: []core.NodeSelectorRequirement{onThisNode}}},
			}},
		},
	}
}
